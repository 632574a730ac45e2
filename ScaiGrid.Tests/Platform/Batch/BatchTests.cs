using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Batches, from the input file to the results and the billing.</summary>
public sealed class BatchTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task MixedLines_EachHaveOneResult_AtTheBatchsPrice()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var input = Lines(
            Line("good-1", "/v1/inference/chat", Chat(slug)),
            Line("unknown", "/v1/inference/chat", Chat("no/such-model")),
            Line("elsewhere", "/v1/users", new { }),
            Line("streamed", "/v1/inference/chat", new { model = slug, stream = true, messages = Array.Empty<object>() }),
            Line("ünïcode 😀", "/v1/inference/chat", Chat(slug)));
        var created = (await Admin.PostAsync(
            "/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input), endpoint_completion_window = "1h", metadata = new { purpose = "test" } })).Created();
        var batch = await WaitAsync(Admin, (string)created["id"]!);

        Assert.Equal(("completed", "1h", "test"), ((string?)batch["status"], (string?)batch["endpoint_completion_window"], (string?)batch["metadata"]!["purpose"]));
        Assert.Equal((5, 2, 3), ((int)batch["request_counts"]!["total"]!, (int)batch["request_counts"]!["completed"]!, (int)batch["request_counts"]!["failed"]!));
        var output = await ResultsAsync(batch["output_file_id"]!);
        Assert.Equal(["good-1", "ünïcode 😀"], output.Select(line => (string?)line["custom_id"]));
        Assert.All(output, line => Assert.Equal(
            (200, "Hello world"),
            ((int)line["response"]!["status_code"]!, (string?)line["response"]!["body"]!["data"]!["choices"]![0]!["message"]!["content"])));
        var errors = await ResultsAsync(batch["error_file_id"]!);
        Assert.Equal(["unknown", "elsewhere", "streamed"], errors.Select(line => (string?)line["custom_id"]));
        Assert.Equal("MODEL_NOT_FOUND", (string?)errors[0]["response"]!["body"]!["error"]!["code"]);
        Assert.Equal("invalid_line", (string?)errors[1]["error"]!["code"]);

        // 11 tokens at 1 and 7 at 2 per million, at half the price.
        var usage = await Admin.UsageAsync(slug, 2);
        Assert.Equal(["0.0000125", "0.0000125"], usage.Select(row => (string?)row["cost"]));
    }

    [Fact]
    public async Task BatchOfAService_RunsAsTheService()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        using var service = Admin.As(Secrets.ServiceToken);
        var created = (await service.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Lines(Line("one", "/v1/inference/chat", Chat(slug)))) })).Created();
        var batch = await WaitAsync(service, (string)created["id"]!);
        Assert.Equal((1, 0), ((int)batch["request_counts"]!["completed"]!, (int)batch["request_counts"]!["failed"]!));
        Assert.Equal("service:tests", (string?)(await Admin.UsageAsync(slug, 1))[0]["user_id"]);
    }

    [Fact]
    public async Task UploadedFile_RunsAsOpenAiBatch()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var file = await UploadAsync(Admin, "/oai/v1/files", Lines(Line("one", "/v1/chat/completions", Chat(slug)), Line("two", "/v1/embeddings", new { })));
        Assert.Equal(("file", "batch", "input.jsonl"), ((string?)file["object"], (string?)file["purpose"], (string?)file["filename"]));
        var answer = await Admin.PostAsync(
            "/oai/v1/batches", new { input_file_id = (string?)file["id"], endpoint = "/v1/chat/completions", completion_window = "24h", metadata = new { a = "b" } });
        var id = (string)answer.Body()["id"]!;
        await WaitAsync(Admin, id);
        var batch = (await Admin.GetAsync($"/oai/v1/batches/{id}")).Body();
        Assert.Equal(("batch", "completed", "/v1/chat/completions", "b"), ((string?)batch["object"], (string?)batch["status"], (string?)batch["endpoint"], (string?)batch["metadata"]!["a"]));
        Assert.True((long)batch["completed_at"]! >= (long)batch["created_at"]!);
        Assert.Contains(id, (await Admin.GetAsync("/oai/v1/batches?limit=100")).Body()["data"]!.AsArray().Select(one => (string?)one!["id"]));

        var content = await Admin.GetAsync($"/oai/v1/files/{batch["output_file_id"]}/content");
        var result = Assert.Single(Parse(content.Text));
        Assert.Equal(("one", "chat.completion"), ((string?)result["custom_id"], (string?)result["response"]!["body"]!["object"]));
        Assert.Equal("two", (string?)Assert.Single(await ResultsAsync(batch["error_file_id"]!))["custom_id"]);

        Assert.True((bool)(await Admin.DeleteAsync($"/oai/v1/files/{file["id"]}")).Body()["deleted"]!);
        (await Admin.GetAsync($"/oai/v1/files/{file["id"]}")).OpenAiError(404, "not_found");
        (await Admin.PostAsync("/oai/v1/batches", new { input_file_id = (string?)file["id"], endpoint = "/v1/x", completion_window = "24h" })).OpenAiError(400, "validation_error");
    }

    [Theory]
    [InlineData("/v1/inference/images/generate")]
    [InlineData("/v1/images/generations")]
    public async Task Pictures_AreInTheResults_WhicheverFormTheUpstreamGives(string path)
    {
        var isOpenAi = path == "/v1/images/generations";
        var image = new { modality = "image" };
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: image);
        var address = new Uri(new Uri(Grid.Upstream.BaseUrl), "/files/pixel.png");
        var linking = await ConnectAsync(new UpstreamScript { Body = $$"""{"data":[{"url":"{{address}}"}]}""" }, modelFields: image);
        var input = Lines(
            Line("given", path, new { model = slug, prompt = "a dot" }),
            Line("fetched", path, new { model = linking, prompt = "a dot" }),
            Line("named", path, new { model = linking, prompt = "a dot", response_format = "b64_json" }),
            Line("link", path, new { model = slug, prompt = "a dot", response_format = "url" }));
        var created = isOpenAi
            ? (await Admin.PostAsync("/oai/v1/batches", new { input_file_id = (string?)(await UploadAsync(Admin, "/oai/v1/files", input))["id"], endpoint = path, completion_window = "24h" })).Body()
            : (await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created();
        var batch = await WaitAsync(Admin, (string)created["id"]!);
        var output = await ResultsAsync(batch["output_file_id"]!);
        Assert.Equal(["given", "fetched", "named"], output.Select(line => (string?)line["custom_id"]));
        Assert.All(output, line =>
        {
            var body = line["response"]!["body"]!;
            Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)(isOpenAi ? body : body["data"]!)["data"]![0]!["b64_json"]!));
        });
        var error = Assert.Single(await ResultsAsync(batch["error_file_id"]!))["response"]!["body"]!["error"]!;
        Assert.Equal("response_format", (string?)(isOpenAi ? error["param"] : error["details"]![0]!["field"]));
    }

    [Fact]
    public async Task HalfASurrogatePair_TroublesNoOtherLine()
    {
        // JavaScript produces such text when it cuts a string in the middle of an emoji, and a response that a token limit cuts there contains it too.
        const string Half = "cut \\ud83d";
        const string Answer = """
            {"id":"x","object":"chat.completion","created":1,"model":"m",
             "choices":[{"index":0,"message":{"role":"assistant","content":"cut \ud83d"},"finish_reason":"length"}],
             "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}
            """;
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var answering = await ConnectAsync(new UpstreamScript { Body = Answer });
        const string Path = "/v1/chat/completions";
        var line = JsonSerializer.Serialize(Line("good", Path, Chat(slug)));
        var input = string.Join('\n', new[]
        {
            line,
            line.Replace("good", "content", StringComparison.Ordinal).Replace("\"hi\"", $"\"{Half}\"", StringComparison.Ordinal),
            line.Replace("good", "url", StringComparison.Ordinal).Replace(Path, Half, StringComparison.Ordinal),
            line.Replace("good", "method", StringComparison.Ordinal).Replace("POST", Half, StringComparison.Ordinal),
            line.Replace("good", "name", StringComparison.Ordinal).Replace("\"method\"", "\"m\\ud83d\"", StringComparison.Ordinal),
            JsonSerializer.Serialize(Line("answer", Path, Chat(answering))),
        });
        var file = await UploadAsync(Admin, "/oai/v1/files", Encoding.UTF8.GetBytes(input));
        var created = (await Admin.PostAsync("/oai/v1/batches", new { input_file_id = (string?)file["id"], endpoint = Path, completion_window = "24h" })).Body();
        var batch = await WaitAsync(Admin, (string)created["id"]!);
        Assert.Equal("completed", (string?)batch["status"]);
        var output = await Admin.GetAsync($"/v1/files/{batch["output_file_id"]}/content");
        Assert.Equal(["good", "content", "answer"], Parse(output.Text).Select(result => (string?)result["custom_id"]));
        Assert.Contains(Half, output.Text, StringComparison.Ordinal);
        Assert.Contains(Grid.Upstream.CallsOf(upstreamModel), call => call.Body.Contains(Half, StringComparison.Ordinal));
        var errors = await ResultsAsync(batch["error_file_id"]!);
        Assert.Equal(
            [("url", "invalid_line"), ("method", "invalid_line"), ("name", "invalid_line")],
            errors.Select(error => ((string?)error["custom_id"], (string?)error["error"]!["code"])));
    }

    [Fact]
    public async Task Body_ReachesTheUpstreamAsItIsWritten()
    {
        const string Text = "Привет, <b>'世界'</b> & + 😀";
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var line = JsonSerializer.Serialize(Line("a", "/v1/inference/chat", Chat(slug))).Replace("\"hi\"", $"\"{Text}\"", StringComparison.Ordinal);
        await WaitAsync(Admin, (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(line)) })).Created()["id"]!);
        Assert.Contains(Text, Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnicodesLineEnds_InAnAnswer_AreNoEndsOfALine()
    {
        const string Text = "a\u2028b\u2029c\u0085d";
        const string Escaped = @"a\u2028b\u2029c\u0085d";
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = $$$"""
                {"id":"x","object":"chat.completion","created":1,"model":"m",
                 "choices":[{"index":0,"message":{"role":"assistant","content":"{{{Text}}}"},"finish_reason":"stop"}],
                 "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}
                """,
        });
        var input = Lines(Line("a", "/v1/inference/chat", Chat(slug)));
        var batch = await WaitAsync(Admin, (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!);
        var output = await Admin.GetAsync($"/v1/files/{batch["output_file_id"]}/content");
        Assert.Contains(Escaped, output.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(output.Text, character => character is '\u2028' or '\u2029' or '\u0085');
    }

    [Theory]
    [InlineData("/v1/inference/batch", "/v1/inference/chat")]
    [InlineData("/oai/v1/batches", "/v1/chat/completions")]
    public async Task LineThatAUsedUpBudgetRefuses_EndsAtOnce_AlsoInTheLastHour(string path, string url)
    {
        // A time zone in which the last hour of the day has begun. The names of these zones have inverted signs.
        var east = 23 - TimeProvider.System.GetUtcNow().Hour;
        east = east > 14 ? east - 24 : east;
        var tenant = await SeededTenant.CreateAsync(Grid);
        (await Admin.PutAsync($"/v1/tenants/{tenant.Id}", new { settings = new { timezone = $"Etc/GMT{(east > 0 ? $"-{east}" : $"+{-east}")}" } })).Ok();
        using var user = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await user.Api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "daily", request_limit = 0 })).Created();
        var slug = await ConnectAsync(new UpstreamScript());
        var input = Lines(Line("a", url, Chat(slug)));
        var isOpenAi = path == "/oai/v1/batches";
        string id;
        if (isOpenAi)
        {
            var file = (await user.Api.SendAsync(
                HttpMethod.Post,
                "/oai/v1/files",
                $"--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{Encoding.UTF8.GetString(input)}\r\n--x--\r\n",
                "multipart/form-data; boundary=x")).Body();
            id = (string)(await user.Api.PostAsync(path, new { input_file_id = (string?)file["id"], endpoint = url, completion_window = "24h" })).Body()["id"]!;
        }
        else
        {
            id = (string)(await user.Api.PostAsync(path, new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;
        }

        await Poll.UntilAsync(async () => (string?)(await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok()["status"] == "completed", "the batch to end");
        var batch = (await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok();
        var error = Assert.Single(Parse((await user.Api.GetAsync($"/v1/files/{batch["error_file_id"]}/content")).Text))["response"]!;
        Assert.Equal((429, "budget_exceeded"), ((int)error["status_code"]!, ((string?)error["body"]!["error"]!["code"])!.ToLowerInvariant()));
    }

    [Fact]
    public async Task Line_HoldsBackWhatItMayBeCharged()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await user.Api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "total", cost_limit = "60" })).Created();

        // At the regular price 100 could be charged, and at the batch price 50.
        var slug = await ConnectAsync(new UpstreamScript(), inputPrice: "0", outputPrice: "1000000", modelFields: new { max_output_tokens = 100 });
        var input = Convert.ToBase64String(Lines(Line("a", "/v1/inference/chat", Chat(slug))));
        var id = (string)(await user.Api.PostAsync("/v1/inference/batch", new { input_file_base64 = input })).Created()["id"]!;
        await Poll.UntilAsync(async () => (string?)(await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok()["status"] == "completed", "the batch to end");
        var counts = (await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok()["request_counts"]!;
        Assert.Equal((1, 0), ((int)counts["completed"]!, (int)counts["failed"]!));
    }

    [Fact]
    public async Task OutageInWhichNothingIsSent_IsWaitedFor()
    {
        var port = FreePort.Next();
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{port}/v1", "m")]);
        var input = Lines(Line("a", "/v1/inference/chat", Chat(model.Slug)));
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;

        // The circuit opens after five calls, more than the attempts of a single call that fails.
        await Poll.UntilAsync(async () => await model.StateAsync(0) == "open", "the circuit to open");
        await using var returned = await FakeUpstream.StartAsync(port);
        returned.Play("m", new UpstreamScript());
        var batch = await WaitAsync(Admin, id);
        Assert.Equal(("completed", 1), ((string?)batch["status"], (int)batch["request_counts"]!["completed"]!));
    }

    [Fact]
    public async Task LimitThatWasWaitedFor_CostsNoTry()
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "1" } }, out var upstreamModel);
        var input = Lines(Line("a", "/v1/inference/chat", Chat(slug)));
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(upstreamModel).Count >= 3), "three rate-limited calls");
        Grid.Upstream.Play(upstreamModel, new UpstreamScript { Status = 500 });
        var limited = Grid.Upstream.CallsOf(upstreamModel).Count;
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(upstreamModel).Count > limited), "a call that fails");
        Grid.Upstream.Play(upstreamModel, new UpstreamScript());
        Assert.Equal(1, (int)(await WaitAsync(Admin, id))["request_counts"]!["completed"]!);
    }

    [Fact]
    public async Task InputWithoutNames_FailsWithItsLines()
    {
        var input = Encoding.UTF8.GetBytes("{\"custom_id\":\"a\"}\n\nnot json\n{\"custom_id\":\"a\"}\n{\"custom_id\":7}\n");
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;
        var batch = await WaitAsync(Admin, id);
        Assert.Equal("failed", (string?)batch["status"]);
        Assert.Equal(
            [("invalid_line", 2), ("duplicate_custom_id", 3), ("invalid_line", 4)],
            batch["errors"]!.AsArray().Select(error => ((string?)error!["code"], (int)error["line"]!)));
        (await Admin.PostAsync($"/v1/inference/batch/{id}/cancel", new { })).Error(409, "CONFLICT");
    }

    [Fact]
    public async Task CancelledBatch_KeepsWhatWasAnswered_AndNamesTheRest()
    {
        var slug = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(1) });
        var input = Lines([.. Enumerable.Range(0, 300).Select(index => Line($"line-{index}", "/v1/inference/chat", Chat(slug)))]);
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;
        await Poll.UntilAsync(async () => (string?)(await GetAsync(id))["status"] == "in_progress", "the batch to begin");
        Assert.Equal("cancelling", (string?)(await Admin.PostAsync($"/v1/inference/batch/{id}/cancel", new { })).Ok()["status"]);
        var batch = await WaitAsync(Admin, id);

        Assert.Equal("cancelled", (string?)batch["status"]);
        var errors = await ResultsAsync(batch["error_file_id"]!);
        var output = batch["output_file_id"] is { } file ? await ResultsAsync(file) : [];
        Assert.Equal(300, errors.Concat(output).Select(line => (string?)line["custom_id"]).Distinct().Count());
        Assert.Contains("batch_cancelled", errors.Select(line => (string?)line["error"]?["code"]));
    }

    [Fact]
    public async Task KeyThatExpiresInTheMiddle_MakesNoMoreCalls()
    {
        var hold = new TaskCompletionSource();
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, new UpstreamScript { Hold = hold.Task });
        var slug = await Admin.ConnectAsync(Grid.Upstream.BaseUrl, model);
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var expiresAt = TimeProvider.System.GetUtcNow().AddSeconds(20);
        var key = (await user.Api.PostAsync("/v1/api-keys", new { name = "short", expires_at = expiresAt })).Created();
        using var shortly = Admin.As((string)key["key"]!);

        // One chunk, with more lines than calls that run at the same time.
        var input = Lines([.. Enumerable.Range(0, 80).Select(index => Line($"line-{index}", "/v1/inference/chat", Chat(slug)))]);
        var id = (string)(await shortly.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(input) })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(model).Count > 0), "the first calls");
        await Poll.UntilAsync(() => Task.FromResult(TimeProvider.System.GetUtcNow() > expiresAt), "the key to expire");
        var made = Grid.Upstream.CallsOf(model).Count;
        hold.SetResult();
        await Poll.UntilAsync(async () => (string?)(await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok()["status"] == "completed", "the batch to end");

        var batch = (await user.Api.GetAsync($"/v1/inference/batch/{id}")).Ok();
        var errors = Parse((await user.Api.GetAsync($"/v1/files/{batch["error_file_id"]}/content")).Text);
        Assert.All(errors, line => Assert.Equal("auth_token_invalid", (string?)line["error"]!["code"]));
        Assert.Equal((made, 80 - made), (Grid.Upstream.CallsOf(model).Count, errors.Count));
    }

    [Fact]
    public async Task InputFromUrl_IsFetchedByTheWorker()
    {
        await using var server = await FakeReceiver.StartAsync();
        server.Play("moved", context =>
        {
            context.Response.Redirect(server.UrlOf("input"));
            return Task.CompletedTask;
        });
        server.Play("input", context => context.Response.Body.WriteAsync(Lines(Line("fetched", "/v1/inference/chat", Chat("scailabs/echo")))).AsTask());
        server.Play("trap", context =>
        {
            context.Response.Redirect("http://169.254.169.254/latest/meta-data");
            return Task.CompletedTask;
        });
        var good = await WaitAsync(Admin, (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_url = server.UrlOf("moved") })).Created()["id"]!);
        Assert.Equal("fetched", (string?)Assert.Single(await ResultsAsync(good["output_file_id"]!))["custom_id"]);
        var trapped = await WaitAsync(Admin, (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_url = server.UrlOf("trap") })).Created()["id"]!);
        Assert.Equal("failed", (string?)trapped["status"]);
        Assert.Contains("not allowed", (string?)trapped["errors"]![0]!["message"], StringComparison.Ordinal);

        server.Play("half", async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.WriteAsync("{\"custom_id\"");
            await context.Response.Body.FlushAsync();
            await Task.Delay(500);
            context.Abort();
        });
        var half = await WaitAsync(Admin, (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_url = server.UrlOf("half") })).Created()["id"]!);
        Assert.Equal(("failed", "The input's server broke off."), ((string?)half["status"], (string?)half["errors"]![0]!["message"]));

        (await Admin.PostAsync("/v1/inference/batch", new { })).Invalid("input_file_url");
        (await Admin.PostAsync("/v1/inference/batch", new { input_file_url = "https://files.example/x", input_file_base64 = "e30K" })).Invalid("input_file_url");
        (await Admin.PostAsync("/v1/inference/batch", new { input_file_url = "https://169.254.169.254/x", endpoint_completion_window = "2h" }))
            .Invalid("endpoint_completion_window", "input_file_url");
        (await Admin.PostAsync("/v1/inference/batch", new { input_file_url = "scaigrid://file/file_00000000000000000000000000" })).Invalid("input_file_url");
        (await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = "%%%" })).Invalid("input_file_base64");
    }

    internal static object Line(string customId, string url, object body) => new { custom_id = customId, method = "POST", url, body };

    internal static object Chat(string model) => new { model, messages = new[] { new { role = "user", content = "hi" } } };

    internal static byte[] Lines(params object[] lines) => Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => JsonSerializer.Serialize(line) + "\n")));

    private static List<JsonNode> Parse(string jsonl) => [.. jsonl.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    private async Task<List<JsonNode>> ResultsAsync(JsonNode fileId) => Parse((await Admin.GetAsync($"/v1/files/{fileId}/content")).Text);

    private async Task<JsonNode> GetAsync(string id) => (await Admin.GetAsync($"/v1/inference/batch/{id}")).Ok();

    internal static async Task<JsonNode> WaitAsync(ApiDriver admin, string id)
    {
        // Some wait for the end of a pause that their upstream has asked for, more than once on a busy machine.
        var patience = TimeSpan.FromMinutes(3);
        await Poll.UntilAsync(async () => (string?)(await GetAsync())["status"] is "completed" or "failed" or "cancelled" or "expired", "the batch to end", patience);
        return await GetAsync();

        async Task<JsonNode> GetAsync() => (await admin.GetAsync($"/v1/inference/batch/{id}")).Ok();
    }

    internal static async Task<JsonNode> UploadAsync(ApiDriver admin, string path, byte[] bytes)
    {
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" } };
        var file = new ByteArrayContent(bytes);
        file.Headers.ContentType = new MediaTypeHeaderValue("application/jsonl");
        form.Add(file, "file", "input.jsonl");
        using var response = await admin.Http.PostAsync(new Uri(path, UriKind.Relative), form);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }
}
