using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Chat without streaming on both HTTP surfaces.</summary>
public sealed class ChatTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Echo_AnswersOnANewInstall()
    {
        var data = (await Admin.ChatAsync("scailabs/echo", "Hello, grid")).Ok();
        Assert.Equal("Hello, grid", (string?)data["choices"]![0]!["message"]!["content"]);
        Assert.Equal("stop", (string?)data["choices"]![0]!["finish_reason"]);
        Assert.Equal("scailabs/echo", (string?)data["model"]);
        Assert.True((int)data["usage"]!["prompt_tokens"]! > 0);
        Assert.True((int)data["usage"]!["completion_tokens"]! > 0);
    }

    [Fact]
    public async Task NativeAnswer_IsNormalised()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = """
                {"id":"x1","object":"chat.completion","created":5,"model":"secret-name","choices":[
                 {"index":0,"message":{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"reasoning_content":"why",
                  "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":{"x":1}}}]},"finish_reason":"function_call"}],
                 "usage":{"prompt_tokens":20,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":2}}}
                """,
        });
        var answer = await Admin.ChatAsync(slug);
        var data = answer.Ok();
        var message = data["choices"]![0]!["message"]!;
        Assert.Equal("ab", (string?)message["content"]);
        Assert.Equal("why", (string?)message["reasoning"]);
        Assert.Equal("""{"x":1}""", (string?)message["tool_calls"]![0]!["function"]!["arguments"]);
        Assert.Equal("tool_calls", (string?)data["choices"]![0]!["finish_reason"]);
        Assert.Equal(slug, (string?)data["model"]);
        Assert.Equal(
            """{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"cached_tokens":6,"reasoning_tokens":2}""",
            data["usage"]!.ToJsonString());
        Assert.StartsWith("be_", (string?)data["routing"]!["backend_id"], StringComparison.Ordinal);
        Assert.Equal(1, (int)data["routing"]!["attempts"]!);
        Assert.DoesNotContain("secret-name", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAiAnswer_IsTheUpstreamsUnderOurModelName()
    {
        const string Body = """{"id":"x1","object":"chat.completion","created":5,"model":"secret-name","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"a","x_extra":[1]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}""";
        var slug = await ConnectAsync(new UpstreamScript { Body = Body });
        var answer = await Admin.ChatAsync(slug, path: "/oai/v1/chat/completions");
        Assert.Equal(Body.Replace("secret-name", slug, StringComparison.Ordinal), answer.Text);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\"many\"")]
    [InlineData("""{"prompt_tokens":"nine","completion_tokens":"three","total_tokens":"twelve"}""")]
    [InlineData("""{"prompt_tokens":-1,"completion_tokens":99999999999999999999999}""")]
    [InlineData("""{"prompt_tokens":11}""")]
    [InlineData("""{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}""")]
    public async Task UsageThatTheUpstreamDoesNotGive_IsWhatIsMetered(string? usage)
    {
        // At the end, at the start and in the middle of the body.
        const string Choices = """ "choices":[{"index":0,"message":{"role":"assistant","content":"Hello world"},"finish_reason":"stop"}]""";
        var property = usage is null ? "" : $"\"usage\":{usage}";
        string[] bodies = usage is null ? [$"{{{Choices}}}"] : [$"{{{Choices},{property}}}\n", $"{{ {property} ,{Choices}}}", $$"""{"id":"x",{{property}},{{Choices}},"x_extra":{"a":"}"} }"""];
        foreach (var body in bodies)
        {
            var slug = await ConnectAsync(new UpstreamScript { Body = body });
            var answer = (await Admin.ChatAsync(slug, path: "/oai/v1/chat/completions")).Body();
            Assert.Equal("Hello world", (string?)answer["choices"]![0]!["message"]!["content"]);
            var row = Assert.Single(await Admin.UsageAsync(slug, 1));
            var (input, output) = ((long)row["tokens_in"]!, (long)row["tokens_out"]!);
            Assert.True((bool)row["estimated"]! && input > 0 && output > 0, row.ToJsonString());
            Assert.Equal(
                $$$"""{"prompt_tokens":{{{input}}},"completion_tokens":{{{output}}},"total_tokens":{{{input + output}}},"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}""",
                answer["usage"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task CallersFields_ReachTheUpstreamUntouched()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$"""{"model":"{{slug}}","messages":[{"role":"user","content":"é\u0000\ud83d\ude00"}],"x_vendor":{"deep":[1,2.50,"model"]},"temperature":0.10}""";
        (await Admin.SendAsync(HttpMethod.Post, "/oai/v1/chat/completions", body)).Body();
        var received = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        Assert.Equal(body.Replace(slug, upstreamModel, StringComparison.Ordinal), received.Body);
        Assert.Equal("Bearer sk-upstream-secret-1234", received.Headers["Authorization"]);
        Assert.DoesNotContain(Secrets.AdminKey, string.Join(' ', received.Headers.Values), StringComparison.Ordinal);
    }

    /// <summary>
    /// OpenAI's models accept metadata only for responses that are stored. On the native surface metadata is a field of ours, and is not forwarded to them
    /// otherwise.
    /// </summary>
    [Theory]
    [InlineData("azure", "/v1/inference/chat", "", null)]
    [InlineData("azure", "/v1/inference/chat", ",\"store\":true", "7")]
    [InlineData("azure", "/oai/v1/chat/completions", "", "7")]
    [InlineData("custom", "/v1/inference/chat", "", "7")]
    public async Task Metadata_ReachesAnUpstreamThatTakesIt(string type, string path, string store, string? job)
    {
        const string Answer = """{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}""";
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/chat/completions", Answer).At("/openai/v1/chat/completions", Answer);
        var slug = await vendor.ConnectAsync(Admin, type, "chat");
        (await Admin.SendAsync(HttpMethod.Post, path, $$$"""{"metadata":{"job":"7"},"model":"{{{slug}}}","messages":[{"role":"user","content":"hi"}]{{{store}}}}""")).Body();
        Assert.Equal(job, (string?)JsonNode.Parse(Assert.Single(vendor.Calls).Json)!["metadata"]?["job"]);
    }

    [Fact]
    public async Task ModelsBoundsAndDefaults_AreApplied()
    {
        var slug = await ConnectAsync(
            new UpstreamScript(), out var upstreamModel, modelFields: new { max_output_tokens = 50, default_params = new { temperature = 0.25 }, system_prompt_template = "Be kind." });
        (await Admin.PostAsync("/v1/inference/chat", new { model = slug, max_tokens = 5000, messages = new[] { new { role = "user", content = "hi" } } })).Ok();
        var body = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
        Assert.Equal(50, (int)body["max_tokens"]!);
        Assert.Equal(0.25, (double)body["temperature"]!);
        Assert.Equal("Be kind.", (string?)body["messages"]![0]!["content"]);
    }

    /// <summary>Under either name, also if the model's limit is set or lowered after the default.</summary>
    [Theory]
    [InlineData("max_tokens")]
    [InlineData("max_completion_tokens")]
    public async Task DefaultBound_IsLoweredToTheModels(string name)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { default_params = new Dictionary<string, int> { [name] = 500 } });
        Assert.Equal(500, (int)(await SentAsync())[name]!);
        var model = (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}", new { max_output_tokens = 50 })).Ok();
        Assert.Equal(50, (int)(await SentAsync())[name]!);

        async Task<JsonNode> SentAsync()
        {
            (await Admin.ChatAsync(slug)).Ok();
            return JsonNode.Parse(Grid.Upstream.CallsOf(upstreamModel)[^1].Body)!;
        }
    }

    [Fact]
    public async Task Refusal_IsNoContent()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = """{"id":"c","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}""",
        });
        var message = (await Admin.ChatAsync(slug)).Ok()["choices"]![0]!["message"]!;
        Assert.Equal("""{"role":"assistant","content":"","refusal":"I will not."}""", message.ToJsonString());
        message = (await Admin.ChatAsync(await ConnectAsync(new UpstreamScript()))).Ok()["choices"]![0]!["message"]!;
        Assert.Equal("""{"role":"assistant","content":"Hello world"}""", message.ToJsonString());
    }

    /// <summary>Requested by fields of the upstream's format, which are forwarded unchanged.</summary>
    [Fact]
    public async Task LogprobsAnnotationsAndAudio_AreTheUpstreams()
    {
        const string Message = """{"role":"assistant","content":"hi","annotations":[{"type":"url_citation"}],"audio":{"id":"a","data":"UklGRg=="}}""";
        const string Logprobs = """{"content":[{"token":"hi","logprob":-0.5}],"refusal":null}""";
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = $$"""{"id":"c","created":5,"model":"m","choices":[{"index":0,"message":{{Message}},"logprobs":{{Logprobs}},"finish_reason":"stop"}]}""",
        });
        var choice = (await Admin.ChatAsync(slug)).Ok()["choices"]![0]!;
        Assert.Equal((Message, Logprobs), (choice["message"]!.ToJsonString(), choice["logprobs"]!.ToJsonString()));

        // A chunk that the surface has to rewrite.
        const string Parts = """[{"type":"text","text":"hi"}]""";
        slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = $$"""
                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{{Message.Replace("\"hi\"", Parts, StringComparison.Ordinal)}},"logprobs":{{Logprobs}},"finish_reason":"stop"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug);
        choice = (await stream.AllAsync())[0].Json["choices"]![0]!;
        Assert.Equal((Message, Logprobs), (choice["delta"]!.ToJsonString(), choice["logprobs"]!.ToJsonString()));
    }

    [Theory]
    [InlineData(429, "BACKEND_RATE_LIMITED", 429)]
    [InlineData(500, "MODEL_UNAVAILABLE", 503)]
    [InlineData(503, "MODEL_UNAVAILABLE", 503)]
    [InlineData(401, "BACKEND_ERROR", 502)]
    [InlineData(404, "BACKEND_ERROR", 502)]
    [InlineData(400, "VALIDATION_ERROR", 422)]
    [InlineData(413, "PAYLOAD_TOO_LARGE", 413)]
    public async Task UpstreamsFailure_IsOurs(int upstreamStatus, string code, int status)
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Status = upstreamStatus,
            Headers = new Dictionary<string, string> { ["Retry-After"] = "7" },
            Body = """{"error":{"message":"Incorrect key sk-upstream-secret-1234 given"}}""",
        });
        var answer = await Admin.ChatAsync(slug);
        var error = answer.Error(status, code);
        Assert.DoesNotContain("sk-upstream-secret-1234", answer.Text, StringComparison.Ordinal);
        if (upstreamStatus is 429 or >= 500)
        {
            Assert.Equal(7, (int)error["retry_after"]!);
            Assert.Equal("7", answer.Headers["Retry-After"]);
        }
    }

    [Theory]
    [InlineData("not json", "application/json")]
    [InlineData("""{"hello":"world"}""", "application/json")]
    [InlineData("<html>", "text/html")]
    public async Task UnreadableAnswer_IsAShapeMismatch(string body, string contentType)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = body, ContentType = contentType });
        (await Admin.ChatAsync(slug)).Error(502, "UPSTREAM_SHAPE_MISMATCH");
    }

    [Fact]
    public async Task DeadBackend_FailsOverToTheNextPriority()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var model = await ModelAsync(slug);
        var good = (string)(await Admin.GetAsync($"/v1/models/{model}/routing")).Ok()["targets"]![0]!["backend_id"]!;
        var provider = (await Admin.PostAsync("/v1/providers", new { name = slug, type = "custom", config = new { base_url = "http://127.0.0.1:9/v1" } })).Created();
        var dead = (await Admin.PostAsync("/v1/backends", new { name = "dead", provider_id = (string)provider["id"]!, model = "x", capabilities = new[] { "chat" } })).Created();
        (await Admin.PutAsync(
            $"/v1/models/{model}/routing",
            new { targets = new[] { new { backend_id = (string)dead["id"]!, weight = 1, priority = 0 }, new { backend_id = good, weight = 1, priority = 1 } } })).Ok();
        var data = (await Admin.ChatAsync(slug)).Ok();
        Assert.Equal(2, (int)data["routing"]!["attempts"]!);
        Assert.Equal(good, (string?)data["routing"]!["backend_id"]);
        Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
    }

    [Fact]
    public async Task ForcedTool_IsCalledByTheEcho()
    {
        var data = (await Admin.PostAsync("/v1/inference/chat", new
        {
            model = "scailabs/echo",
            messages = new[] { new { role = "user", content = "Paris" } },
            tools = new[] { new { type = "function", function = new { name = "weather", parameters = new { type = "object" } } } },
            tool_choice = "required",
        })).Ok();
        Assert.Equal("tool_calls", (string?)data["choices"]![0]!["finish_reason"]);
        Assert.Equal("", (string?)data["choices"]![0]!["message"]!["content"]);
        var call = data["choices"]![0]!["message"]!["tool_calls"]![0]!["function"]!;
        Assert.Equal("weather", (string?)call["name"]);
        Assert.Equal("Paris", (string?)JsonNode.Parse((string)call["arguments"]!)!["input"]);
    }

    private async Task<string> ModelAsync(string slug) => (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
}
