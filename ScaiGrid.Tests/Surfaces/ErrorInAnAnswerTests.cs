using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Errors that upstreams send with a success status.</summary>
public sealed class ErrorInAnAnswerTests(Grid grid) : GridTest(grid)
{
    private const string OpenAi = "/oai/v1/chat/completions";

    /// <summary>Whole responses and streams: an error with status 200 has the same effect as with its proper status.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ErrorWithTheStatusOfASuccess_IsReadAsThatError(bool stream)
    {
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var limited = Saying("""{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}""");
        var unknown = Saying("""{"id":"x","error":{"message":"Something went wrong.","code":"who_knows"}}""");
        var refused = Saying("""{"error":{"message":"Too long.","type":"invalid_request_error","param":"messages","code":400}}""");
        Assert.Equal(200, (int)(await SendAsync(stream, limited, good)).Status);
        Assert.Equal(200, (int)(await SendAsync(stream, unknown, good)).Status);
        var error = (await SendAsync(stream, limited)).Error(429, "BACKEND_RATE_LIMITED");
        Assert.Equal(1, (int)error["retry_after"]!);
        error = (await SendAsync(stream, unknown)).Error(502, "BACKEND_ERROR");
        Assert.Equal("Something went wrong.", (string?)error["message"]);
        error = (await SendAsync(stream, refused, good)).Error(422, "VALIDATION_ERROR");
        Assert.Equal("messages", (string?)error["details"]![0]!["field"]);
        Assert.Equal(2, Grid.Upstream.CallsOf(good.Model).Count);

        RoutedBackend Saying(string body) => Script(new UpstreamScript { Body = body });
    }

    /// <summary>OpenRouter's format for a failure of the provider behind it: the choice exists, but has no content.</summary>
    [Theory]
    [InlineData("message", """ "error":{"code":502,"message":"Overloaded."},"choices":[{"index":0,"NAME":{"role":"assistant","content":""},"finish_reason":"error"}] """)]
    [InlineData("message", """ "choices":[{"index":0,"NAME":{"role":"assistant","content":null},"finish_reason":"error","error":{"code":502,"message":"Overloaded."}}] """)]
    [InlineData("delta", """ "error":{"code":502,"message":"Overloaded."},"choices":[{"index":0,"NAME":{"role":"assistant","content":""},"finish_reason":"error"}] """)]
    [InlineData("delta", """ "choices":[{"index":0,"NAME":{"role":"assistant","content":""},"finish_reason":"error","error":{"code":502,"message":"Overloaded."}}] """)]
    public async Task ChoiceThatFailedBeforeItSaidAnything_IsTriedElsewhere(string name, string body)
    {
        var stream = name == "delta";
        var document = $"{{\"id\":\"c\",\"model\":\"m\",{body.Replace("NAME", name, StringComparison.Ordinal)}}}";
        var failing = Script(new UpstreamScript
        {
            Body = stream ? $"data: {document}\n\ndata: [DONE]\n\n" : document,
            ContentType = stream ? "text/event-stream" : "application/json",
        });
        var answer = await SendAsync(stream, failing, Script(new UpstreamScript()) with { Priority = 1 });
        Assert.Equal((200, "2"), ((int)answer.Status, answer.Headers["X-Scaigrid-Attempts"]));
        Assert.Equal("Overloaded.", (string?)(await SendAsync(stream, failing)).Error(502, "BACKEND_ERROR")["message"]);
    }

    /// <summary>The last text is sent without the error in the same chunk: clients would take the chunk for the error and ignore the text.</summary>
    [Theory]
    [InlineData("/v1/inference/chat", """ "error":{"code":502,"message":"Overloaded."},"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"error"}] """)]
    [InlineData("/oai/v1/chat/completions", """ "error":{"code":502,"message":"Overloaded."},"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"error"}] """)]
    [InlineData("/oai/v1/chat/completions", """ "choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"error","error":{"code":502,"message":"Overloaded."}}] """)]
    public async Task ChunkThatFailsWithTextInIt_IsToldFirst_ThenTheError(string path, string last)
    {
        var failing = Script(new UpstreamScript
        {
            Body = $$$"""
                data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}

                data: {"id":"c","model":"m",{{{last}}}}

                data: [DONE]


                """,
            ContentType = "text/event-stream",
        });
        var model = await RoutedModel.CreateAsync(Admin, [failing]);
        using var stream = await Admin.StreamAsync(model.Slug, path: path);
        var events = (await stream.AllAsync()).Where(item => !item.IsDone).ToList();
        Assert.Same(events[^1], Assert.Single(events, item => item.Data.Contains("Overloaded.", StringComparison.Ordinal)));
        Assert.Equal("Hello", string.Concat(events.SkipLast(1).Select(item => item.Content)));
        Assert.DoesNotContain(events.SkipLast(1), item => item.Data.Contains("\"error\"", StringComparison.Ordinal));
        var usage = Assert.Single(await Admin.UsageAsync(model.Slug, 1));
        Assert.Equal("error", (string?)usage["status"]);
    }

    /// <summary>vLLM, SGLang and DeepSeek report an unfinished answer only by its finish reason.</summary>
    [Theory]
    [InlineData("abort")]
    [InlineData("insufficient_system_resource")]
    public async Task AnswerThatWasNotFinished_IsTriedElsewhere_OrToldAsFailed(string reason)
    {
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        Assert.Equal("2", (await SendAsync(stream: false, Script(Whole("", reason)), good)).Headers["X-Scaigrid-Attempts"]);
        Assert.Equal("2", (await SendAsync(stream: true, Script(Stream(Chunk("", reason))), good)).Headers["X-Scaigrid-Attempts"]);

        var model = await RoutedModel.CreateAsync(Admin, [Script(Stream(Chunk("Hel"), Chunk("lo", reason)))]);
        foreach (var path in (string[])["/v1/inference/chat", OpenAi])
        {
            using var stream = await Admin.StreamAsync(model.Slug, path: path);
            var events = (await stream.AllAsync()).Where(item => !item.IsDone).ToList();
            Assert.Equal(("error", "Hello"), (events[^1].Name, string.Concat(events.SkipLast(1).Select(item => item.Content))));
        }

        Assert.All(await Admin.UsageAsync(model.Slug, 2), usage => Assert.Equal("error", (string?)usage["status"]));
        model = await RoutedModel.CreateAsync(Admin, [Script(Whole("Hel", reason))]);
        Assert.Equal("error", (string?)(await Admin.ChatAsync(model.Slug)).Ok()["choices"]![0]!["finish_reason"]);
        Assert.Equal("length", (string?)(await Admin.ChatAsync(model.Slug, path: OpenAi)).Body()["choices"]![0]!["finish_reason"]);
    }

    /// <summary>OpenAI's .NET client rejects an answer with any other reason, an empty one included.</summary>
    [Theory]
    [InlineData("", "stop")]
    [InlineData("eos_token", "stop")]
    [InlineData("max_tokens", "length")]
    [InlineData("error", "length")]
    [InlineData("function_call", "function_call")]
    public async Task FinishReasonsOfOtherServers_AreOpenAisOnItsSurface(string reason, string told)
    {
        var model = await RoutedModel.CreateAsync(Admin, [Script(Stream(Chunk("Hel", ""), Chunk("lo \\ud83d\\ude00", ""), Chunk("!", ""), Chunk("!", ""), Chunk("", reason)))]);
        using var stream = await Admin.StreamAsync(model.Slug, path: OpenAi);
        var chunks = (await stream.AllAsync()).Where(item => !item.IsDone).ToList();
        Assert.Equal("Hello \ud83d\ude00!!", string.Concat(chunks.Select(item => item.Content)));
        Assert.Equal([null, null, null, null, reason == "" ? null : told], chunks.Select(item => (string?)item.Json["choices"]![0]!["finish_reason"]));

        model = await RoutedModel.CreateAsync(Admin, [Script(Whole("Hi", reason))]);
        var body = (await Admin.ChatAsync(model.Slug, path: OpenAi)).Body();
        Assert.Equal((told, "Hi", 3), ((string?)body["choices"]![0]!["finish_reason"], (string?)body["choices"]![0]!["message"]!["content"], (int)body["usage"]!["total_tokens"]!));
    }

    [Theory]
    [InlineData("""{"id":"c","model":"m","error":null,"choices":[{"index":0,"message":{"role":"assistant","content":"\"error\""},"finish_reason":"stop"}]}""")]
    [InlineData("""{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"error":{"code":1},"finish_reason":"error"}]}""")]
    [InlineData("""{"id":"c","model":"m","error":{"note":"none"},"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}""")]
    public async Task AnswerWithTheWordError_IsAnAnswer(string body) => (await SendAsync(stream: false, Script(new UpstreamScript { Body = body }))).Ok();

    private static UpstreamScript Whole(string text, string reason) => new()
    {
        Body = $$$"""
            {"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"{{{text}}}"},"finish_reason":"{{{reason}}}"}],
             "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}
            """,
    };

    private static string Chunk(string text, string? reason = null) =>
        $$$"""{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"{{{text}}}"},"finish_reason":{{{(reason is null ? "null" : $"\"{reason}\"")}}}}]}""";

    private static UpstreamScript Stream(params string[] chunks) => new()
    {
        Body = string.Concat(chunks.Select(chunk => $"data: {chunk}\n\n")) + "data: [DONE]\n\n",
        ContentType = "text/event-stream",
    };

    private async Task<Answer> SendAsync(bool stream, params RoutedBackend[] backends)
    {
        var model = await RoutedModel.CreateAsync(Admin, backends);
        return await Admin.PostAsync("/v1/inference/chat", new { model = model.Slug, stream, messages = new[] { new { role = "user", content = "hi" } } });
    }

    private RoutedBackend Script(UpstreamScript script)
    {
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, script);
        return new RoutedBackend(Grid.Upstream.BaseUrl, model);
    }
}
