using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Sessions;

/// <summary>Conversations with a model whose messages are stored.</summary>
public sealed class SessionTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Messages_AreAnsweredWithWhatWasSaidBefore()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstream);
        var session = (await Admin.PostAsync("/v1/sessions", new { model = slug, title = "Talk", system_prompt = "Be brief.", metadata = new { a = 1 } })).Created();
        var id = (string)session["id"]!;
        Assert.StartsWith("sess_", id, StringComparison.Ordinal);
        var reply = (await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "first", max_tokens = 9 })).Ok();
        Assert.Equal(("assistant", "Hello world", true), ((string?)reply["role"], (string?)reply["content"], (bool)reply["is_complete"]!));
        Assert.Equal(18, (int)reply["usage"]!["total_tokens"]!);
        (await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "second" })).Ok();

        var sent = JsonNode.Parse(Grid.Upstream.CallsOf(upstream)[^1].Body)!["messages"]!.AsArray();
        Assert.Equal(
            ["system: Be brief.", "user: first", "assistant: Hello world", "user: second"], sent.Select(message => $"{message!["role"]}: {message["content"]}"));
        Assert.Equal(9, (int)JsonNode.Parse(Grid.Upstream.CallsOf(upstream)[0].Body)!["max_tokens"]!);
        var said = (await Admin.GetAsync($"/v1/sessions/{id}/messages")).Ok()["items"]!.AsArray();
        Assert.Equal(["Hello world", "second", "Hello world", "first"], said.Select(message => (string?)message!["content"]));
        Assert.Equal(2, (await Admin.UsageAsync(slug, 2)).Count);

        var changed = (await Admin.SendAsync(HttpMethod.Patch, $"/v1/sessions/{id}", """{"title":null}""")).Ok();
        Assert.Equal((null, "Be brief."), ((string?)changed["title"], (string?)changed["system_prompt"]));
        (await Admin.DeleteAsync($"/v1/sessions/{id}")).NoContent();
        (await Admin.GetAsync($"/v1/sessions/{id}/messages")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task Stream_ReachesTheCallerAsItComes_AndIsRemembered()
    {
        var slug = await ConnectAsync(new UpstreamScript { ChunkDelay = TimeSpan.FromMilliseconds(200) });
        var id = (string)(await Admin.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/sessions/{id}/messages")
        {
            Content = new StringContent("""{"content":"go","stream":true}""", System.Text.Encoding.UTF8, "application/json"),
        };
        using var response = await Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var text = await response.Content.ReadAsStringAsync();
        Assert.Contains("\"content\":\"Hello\"", text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);

        await Poll.UntilAsync(async () => (await Admin.IdsAsync($"/v1/sessions/{id}/messages?x=1", 10)).Count == 2, "the messages");
        var said = (await Admin.GetAsync($"/v1/sessions/{id}/messages")).Ok()["items"]!.AsArray();
        Assert.Equal(("Hello world", true), ((string?)said[0]!["content"], (bool)said[0]!["is_complete"]!));
    }

    [Fact]
    public async Task StreamWhoseUpstreamSplitsACharacter_IsRememberedWithIt()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = """
                data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a\ud83c"},"finish_reason":null}]}

                data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"\udf89"},"finish_reason":"stop"}]}

                data: [DONE]


                """.ReplaceLineEndings("\n"),
            ContentType = "text/event-stream",
        });
        var id = (string)(await Admin.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!;
        Assert.EndsWith("data: [DONE]\n\n", (await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "go", stream = true })).Text, StringComparison.Ordinal);
        await Poll.UntilAsync(async () => (await Admin.IdsAsync($"/v1/sessions/{id}/messages?x=1", 10)).Count == 2, "the messages");
        var said = (await Admin.GetAsync($"/v1/sessions/{id}/messages")).Ok()["items"]!.AsArray();
        Assert.Equal(("a🎉", true), ((string?)said[0]!["content"], (bool)said[0]!["is_complete"]!));
    }

    /// <summary>Whole and streamed, because the conversation must be the same in both cases.</summary>
    [Theory]
    [InlineData("\"refusal\":\"I will not.\"", "I will not.")]
    [InlineData("\"reasoning_content\":\"Hm\"", "")]
    public async Task RefusalAndReplyWithoutWords_AreReplies(string said, string kept)
    {
        var whole = new UpstreamScript
        {
            Body = $$$"""{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,{{{said}}}},"finish_reason":"stop"}]}""",
        };
        var streamed = new UpstreamScript
        {
            Body = $$$"""
                data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant",{{{said}}}},"finish_reason":null}]}

                data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

                data: [DONE]


                """.ReplaceLineEndings("\n"),
            ContentType = "text/event-stream",
        };
        foreach (var (script, stream) in new[] { (whole, false), (streamed, true) })
        {
            var slug = await ConnectAsync(script, out var upstream);
            var messages = $"/v1/sessions/{(string)(await Admin.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!}/messages";
            var answer = await Admin.PostAsync(messages, new { content = "go", stream });
            if (!stream)
            {
                Assert.Equal(kept, (string?)answer.Ok()["content"]);
            }

            await Poll.UntilAsync(async () => (await Admin.IdsAsync($"{messages}?x=1", 10)).Count == 2, "the messages");
            var reply = (await Admin.GetAsync(messages)).Ok()["items"]![0]!;
            Assert.Equal(("assistant", kept, true), ((string?)reply["role"], (string?)reply["content"], (bool)reply["is_complete"]!));

            // A message without content is not sent to the model, because some models refuse it.
            await Admin.PostAsync(messages, new { content = "on", stream });
            var sent = JsonNode.Parse(Grid.Upstream.CallsOf(upstream)[^1].Body)!["messages"]!.AsArray().Select(message => (string)message!["content"]!);
            Assert.Equal(kept.Length > 0 ? ["go", kept, "on"] : ["go", "on"], sent);
        }
    }

    /// <summary>The headers for limits, routing and deprecation are the same for whole and streamed replies.</summary>
    [Fact]
    public async Task WholeReply_HasTheHeadersOfAStreamedOne()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        (await Admin.PutAsync($"/v1/tenants/{tenant.Id}/rate-limits", new { key = new { requests_per_minute = 2 } })).Ok();
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { deprecated_at = "2026-01-02T03:04:05Z", sunset_at = "2127-01-02T03:04:05Z" });
        var messages = $"/v1/sessions/{(string)(await user.Api.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!}/messages";
        var streamed = await user.Api.PostAsync(messages, new { content = "go", stream = true });
        var whole = await user.Api.PostAsync(messages, new { content = "go" });
        whole.Ok();
        Assert.Equal(Told(streamed), Told(whole));
        Assert.Superset(
            new HashSet<string> { "Deprecation", "Sunset", "X-Scaigrid-Attempts", "X-Scaigrid-Backend", "X-Scaigrid-Ratelimit-Limit", "X-Scaigrid-Ratelimit-Reset" },
            Told(whole).ToHashSet());
        Assert.Equal(("1", "0"), (streamed.Headers["X-Scaigrid-Ratelimit-Remaining"], whole.Headers["X-Scaigrid-Ratelimit-Remaining"]));

        var refused = await user.Api.PostAsync(messages, new { content = "go" });
        Assert.Equal(refused.Headers["Retry-After"], refused.Error(429, "RATE_LIMITED")["retry_after"]!.ToString());
        Assert.Equal(("2", "0"), (refused.Headers["X-Scaigrid-Ratelimit-Limit"], refused.Headers["X-Scaigrid-Ratelimit-Remaining"]));

        static List<string> Told(Answer answer) =>
            [.. answer.Headers.Keys.Where(name => name is "Deprecation" or "Sunset" || name.StartsWith("X-Scaigrid-", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task ReplyThatFails_IsTheModelsError_AndLeavesNoWords()
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = 500 });
        var id = (string)(await Admin.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!;
        var whole = await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "x" });
        var streamed = await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "x", stream = true });
        Assert.Equal((502, 502), ((int)whole.Status, (int)streamed.Status));
        Assert.Equal("BACKEND_ERROR", (string?)JsonNode.Parse(streamed.Text)!["error"]!["code"]);
        Assert.Empty(await Admin.IdsAsync($"/v1/sessions/{id}/messages?x=1", 10));
        (await Admin.PostAsync("/v1/sessions", new { })).Invalid("model");
        (await Admin.PostAsync($"/v1/sessions/{id}/messages", new { max_tokens = 0 })).Invalid("content", "max_tokens");
    }

    [Fact]
    public async Task ModelThatTheCallerCannotTalkTo_IsRefusedAtTheBeginning()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var denied = Fresh.Slug();
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = denied, modality = "chat" })).Created()["id"]!;
        (await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = model, access = "block" })).Ok();
        var embedding = Fresh.Slug();
        (await Admin.PostAsync("/v1/models", new { slug = embedding, modality = "embedding" })).Created();
        var session = $"/v1/sessions/{(string)(await user.Api.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!}";
        var room = $"/v1/rooms/{(string)(await user.Api.PostAsync("/v1/rooms", new { name = "Plans" })).Created()["id"]!}";

        foreach (var post in new Func<string, Task<Answer>>[]
        {
            name => user.Api.PostAsync("/v1/sessions", new { model = name }),
            name => user.Api.SendAsync(HttpMethod.Patch, session, $$"""{"model":"{{name}}"}"""),
            name => user.Api.PostAsync($"{room}/members", new { type = "model", id = name }),
        })
        {
            (await post("no/such")).Error(404, "MODEL_NOT_FOUND");
            (await post(denied)).Error(403, "MODEL_ACCESS_DENIED");
            (await post(embedding)).Invalid("model");
        }

        Assert.Equal(slug, (string?)(await user.Api.GetAsync(session)).Ok()["model"]);
    }

    [Fact]
    public async Task StreamThatBreaks_IsKeptAsFarAsItCame()
    {
        var slug = await ConnectAsync(new UpstreamScript { CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(300) });
        var id = (string)(await Admin.PostAsync("/v1/sessions", new { model = slug })).Created()["id"]!;
        var answer = await Admin.PostAsync($"/v1/sessions/{id}/messages", new { content = "x", stream = true });
        Assert.Contains("event: error", answer.Text, StringComparison.Ordinal);
        await Poll.UntilAsync(async () => (await Admin.IdsAsync($"/v1/sessions/{id}/messages?x=1", 10)).Count == 2, "the messages");
        var reply = (await Admin.GetAsync($"/v1/sessions/{id}/messages")).Ok()["items"]![0]!;
        Assert.Equal(("Hello ", false), ((string?)reply["content"], (bool)reply["is_complete"]!));
    }

    /// <summary>A thousand of them are half a gigabyte: neither a page nor what a model is told takes up the memory of a replica.</summary>
    [Fact]
    public async Task PagesOfLongTexts_EndEarly_AndTheNextOneContinues()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstream);
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var room = $"/v1/rooms/{(string)(await user.Api.PostAsync("/v1/rooms", new { name = "Long", system_prompt = Long('s') })).Created()["id"]!}";
        (await user.Api.PostAsync($"{room}/members", new { type = "model", id = slug })).Created();
        for (var i = 0; i < 9; i++)
        {
            (await user.Api.PostAsync($"{room}/messages", new { content = Long((char)('a' + i)) })).Created();
            (await user.Api.PostAsync("/v1/sessions", new { model = slug, system_prompt = Long((char)('a' + i)) })).Created();
            (await user.Api.PostAsync("/v1/rooms", new { name = "Another", system_prompt = Long((char)('a' + i)) })).Created();
        }

        Assert.Equal(["ihgfedcb", "a"], await PagesAsync($"{room}/messages", "content"));
        Assert.Equal(["ihgfedc", "ba"], await PagesAsync("/v1/sessions", "system_prompt"));
        Assert.Equal(["ihgfedc", "bas"], await PagesAsync("/v1/rooms", "system_prompt"));

        (await user.Api.PostAsync($"{room}/messages", new { content = "and you?", reply_model = slug })).Ok();
        var sent = JsonNode.Parse(Grid.Upstream.CallsOf(upstream)[^1].Body)!["messages"]!.AsArray();
        Assert.Equal([("system", 500_000), ("user", $"[{user.Id}] ".Length + 500_000), ("user", $"[{user.Id}] and you?".Length)], sent.Select(said => ((string)said!["role"]!, ((string)said["content"]!).Length)));

        static string Long(char of) => new(of, 500_000);

        // Each page as the first characters of its texts.
        async Task<List<string>> PagesAsync(string path, string field)
        {
            var (pages, cursor) = (new List<string>(), "");
            do
            {
                var page = (await user.Api.GetAsync($"{path}?limit=1000{cursor}")).Body();
                pages.Add(string.Concat(page["data"]!["items"]!.AsArray().Select(item => ((string)item![field]!)[0])));
                cursor = (bool)page["pagination"]!["has_more"]! ? $"&cursor={page["pagination"]!["next_cursor"]}" : "";
            }
            while (cursor.Length > 0);
            return pages;
        }
    }
}

/// <summary>Who can read conversations, and who can write to them.</summary>
public sealed class ConversationAccessTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task Session_IsItsUsersOwn()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var colleague = await tenant.AddUserAsync(Roles.TenantUser);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var id = (string)(await user.Api.PostAsync("/v1/sessions", new { model = "scailabs/echo", system_prompt = "secret plans" })).Created()["id"]!;
        (await colleague.Api.GetAsync($"/v1/sessions/{id}")).Error(404, "NOT_FOUND");
        (await colleague.Api.PostAsync($"/v1/sessions/{id}/messages", new { content = "x" })).Error(404, "NOT_FOUND");
        (await colleague.Api.GetAsync("/v1/sessions?scope=tenant")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.GetAsync($"/v1/sessions/{id}")).Error(404, "NOT_FOUND");
        var listed = await admin.Api.GetAsync("/v1/sessions?scope=tenant");
        Assert.Contains(id, listed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret plans", listed.Text, StringComparison.Ordinal);
        Assert.Empty(await admin.Api.IdsAsync("/v1/sessions?x=1", 10));
    }

    [Fact]
    public async Task Room_IsForItsMembers()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var elsewhere = await SeededTenant.CreateAsync(Grid, tenant);
        using var owner = await tenant.AddUserAsync(Roles.TenantUser);
        using var member = await tenant.AddUserAsync(Roles.TenantUser);
        using var viewer = await tenant.AddUserAsync(Roles.TenantUser);
        using var outsider = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var stranger = await elsewhere.AddUserAsync(Roles.TenantUser);
        var id = (string)(await owner.Api.PostAsync("/v1/rooms", new { name = "Plans" })).Created()["id"]!;
        (await owner.Api.PostAsync($"/v1/rooms/{id}/members", new { type = "user", id = member.Id, role = "member" })).Created();
        (await owner.Api.PostAsync($"/v1/rooms/{id}/members", new { type = "user", id = viewer.Id, role = "viewer" })).Created();
        (await owner.Api.PostAsync($"/v1/rooms/{id}/members", new { type = "model", id = "scailabs/echo" })).Created();
        (await owner.Api.PostAsync($"/v1/rooms/{id}/members", new { type = "user", id = stranger.Id })).Invalid("id");
        (await member.Api.PostAsync($"/v1/rooms/{id}/members", new { type = "user", id = outsider.Id })).Error(403, "AUTHZ_PERMISSION_DENIED");

        Assert.Equal("hello all", (string?)(await member.Api.PostAsync($"/v1/rooms/{id}/messages", new { content = "hello all" })).Created()["content"]);
        var reply = (await owner.Api.PostAsync($"/v1/rooms/{id}/messages", new { content = "and you?", reply_model = "scailabs/echo" })).Ok();
        Assert.Equal(("assistant", "scailabs/echo"), ((string?)reply["role"], (string?)reply["author"]));
        (await viewer.Api.PostAsync($"/v1/rooms/{id}/messages", new { content = "x" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.Equal(3, (await viewer.Api.IdsAsync($"/v1/rooms/{id}/messages?x=1", 10)).Count);
        (await owner.Api.PostAsync($"/v1/rooms/{id}/messages", new { content = "x", reply_model = "some/other" })).Invalid("reply_model");

        (await outsider.Api.GetAsync($"/v1/rooms/{id}")).Error(404, "NOT_FOUND");
        (await stranger.Api.GetAsync($"/v1/rooms/{id}/messages")).Error(404, "NOT_FOUND");
        Assert.Equal([id], await member.Api.IdsAsync("/v1/rooms?x=1", 10));
        Assert.Equal(4, (await member.Api.GetAsync($"/v1/rooms/{id}")).Ok()["members"]!.AsArray().Count);

        (await member.Api.DeleteAsync($"/v1/rooms/{id}/members/user/{member.Id}")).NoContent();
        (await member.Api.GetAsync($"/v1/rooms/{id}")).Error(404, "NOT_FOUND");
        (await owner.Api.DeleteAsync($"/v1/rooms/{id}/members/model/scailabs/echo")).NoContent();
        (await owner.Api.DeleteAsync($"/v1/rooms/{id}/members/user/{owner.Id}")).Error(409, "CONFLICT");
        Assert.Equal("New", (string?)(await owner.Api.SendAsync(HttpMethod.Patch, $"/v1/rooms/{id}", """{"name":"New"}""")).Ok()["name"]);
        (await viewer.Api.DeleteAsync($"/v1/rooms/{id}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await owner.Api.DeleteAsync($"/v1/rooms/{id}")).NoContent();
        (await owner.Api.GetAsync($"/v1/rooms/{id}")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task MemberThatIsAddedByManyCallsAtOnce_IsAddedOnce()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var owner = await tenant.AddUserAsync(Roles.TenantUser);
        using var member = await tenant.AddUserAsync(Roles.TenantUser);
        for (var i = 0; i < 5; i++)
        {
            var room = $"/v1/rooms/{(string)(await owner.Api.PostAsync("/v1/rooms", new { name = "Plans" })).Created()["id"]!}";
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => owner.Api.PostAsync($"{room}/members", new { id = member.Id })));
            Assert.All(answers, answer => Assert.Contains((int)answer.Status, new[] { 201, 409 }));
            Assert.Equal(2, (await owner.Api.GetAsync(room)).Ok()["members"]!.AsArray().Count);
        }
    }

    [Fact]
    public async Task FilesAndBatches_AreTheirUsersOwn()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var colleague = await tenant.AddUserAsync(Roles.TenantAdmin);
        var line = """{"custom_id":"a","method":"POST","url":"/v1/inference/chat","body":{"model":"scailabs/echo","messages":[{"role":"user","content":"hi"}]}}""";
        var batch = (await user.Api.PostAsync(
            "/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(line)) })).Created();
        (await colleague.Api.GetAsync($"/v1/inference/batch/{batch["id"]}")).Error(404, "NOT_FOUND");
        (await colleague.Api.PostAsync($"/v1/inference/batch/{batch["id"]}/cancel", new { })).Error(404, "NOT_FOUND");
        (await colleague.Api.GetAsync($"/v1/files/{batch["input_file_id"]}/content")).Error(404, "NOT_FOUND");
        (await colleague.Api.DeleteAsync($"/v1/files/{batch["input_file_id"]}")).Error(404, "NOT_FOUND");
        (await colleague.Api.PostAsync("/v1/inference/batch", new { input_file_url = $"scaigrid://file/{batch["input_file_id"]}" })).Invalid("input_file_url");
        (await colleague.Api.PostAsync("/oai/v1/batches", new { input_file_id = (string?)batch["input_file_id"], endpoint = "/v1/chat/completions", completion_window = "24h" }))
            .OpenAiError(400, "validation_error");
    }
}
