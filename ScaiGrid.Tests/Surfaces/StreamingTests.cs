using System.Diagnostics;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

public sealed class StreamingTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/chat";
    private const string OpenAi = "/oai/v1/chat/completions";

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task Chunks_ArriveAsTheUpstreamSendsThem(string path)
    {
        var pause = TimeSpan.FromSeconds(1);
        var slug = await ConnectAsync(new UpstreamScript { Chunks = ["a", "b", "c", "d"], ChunkDelay = pause });
        using var stream = await Admin.StreamAsync(slug, path: path);
        var chunks = (await stream.AllAsync()).Where(item => item.Content.Length > 0).ToList();
        Assert.Equal(["a", "b", "c", "d"], chunks.Select(chunk => chunk.Content));

        // Chunks arrive at the pace of the upstream and are not held back. One of the three pauses is enough, because a busy machine may delay the chunks.
        Assert.True(Stopwatch.GetElapsedTime(chunks[0].At, chunks[^1].At) >= pause);
    }

    /// <summary>Chunks of all lengths, some of which need escaping, as fast as they can be sent: pieces of many chunks and of parts of them.</summary>
    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task ThousandsOfChunksAtOnce_ArriveInOrder(string path)
    {
        string[] chunks = [.. Enumerable.Range(0, 5000).Select(n => n % 7 == 0 ? $"{n}\n" : $"{n} {new string('x', n % 101)}")];
        var slug = await ConnectAsync(new UpstreamScript { Chunks = chunks });
        using var stream = await Admin.StreamAsync(slug, path: path);
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        Assert.Equal(chunks, events.Where(item => item.Content.Length > 0).Select(item => item.Content));
    }

    [Fact]
    public async Task NativeStream_EndsWithUsageAndDone()
    {
        var slug = await ConnectAsync(new UpstreamScript { CachedTokens = 3, ReasoningTokens = 2 });
        using var stream = await Admin.StreamAsync(slug);
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        Assert.Equal(
            """{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"cached_tokens":3,"reasoning_tokens":2}""",
            events[^2].Json["usage"]!.ToJsonString());
        Assert.All(events.SkipLast(1), item => Assert.Equal(slug, (string?)item.Json["model"]));
        Assert.All(events.SkipLast(2), item => Assert.Null(item.Json["usage"]));
        Assert.Equal("text/event-stream", stream.Response.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-cache", stream.Response.Headers.CacheControl!.ToString());
        Assert.Equal("no", string.Concat(stream.Response.Headers.GetValues("X-Accel-Buffering")));
    }

    [Fact]
    public async Task NativeStream_UsesTheSurfacesWords()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"},"finish_reason":null}]}

                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"m"},"finish_reason":null}]}

                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]},"finish_reason":null}]}

                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"content":"b","other":1},"finish_reason":null}]}

                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":{"x":1}}}]},"finish_reason":null}]}

                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"model_length"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug);
        var choices = (await stream.AllAsync()).SkipLast(2).Select(item => item.Json["choices"]![0]!).ToList();
        Assert.Equal(["hm", "m"], choices.Take(2).Select(choice => (string?)choice["delta"]!["reasoning"]));
        Assert.All(choices, choice => Assert.Null(choice["delta"]!["reasoning_content"]));
        Assert.Equal(["a", "b"], choices.Skip(2).Take(2).Select(choice => (string?)choice["delta"]!["content"]));
        Assert.Equal(1, (int)choices[3]["delta"]!["other"]!);
        Assert.Equal("""{"x":1}""", (string?)choices[4]["delta"]!["tool_calls"]![0]!["function"]!["arguments"]);
        Assert.Equal("length", (string?)choices[5]["finish_reason"]);
    }

    [Fact]
    public async Task NativeStream_TakesAnEventOfSeveralLines()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"id":"c","created":5,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"hm","annotations":[
                data: {"type":"url_citation"}
                data: ]},"finish_reason":"stop"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug);
        var delta = (await stream.AllAsync())[0].Json["choices"]![0]!["delta"]!;
        Assert.Equal(("hm", """[{"type":"url_citation"}]"""), ((string?)delta["reasoning"], delta["annotations"]!.ToJsonString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenAiStream_ShowsUsageOnlyToThoseWhoAsk(bool? includeUsage)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        using var stream = await Admin.StreamAsync(slug, path: OpenAi, includeUsage: includeUsage);
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        Assert.Equal(includeUsage == true ? 1 : 0, events.SkipLast(1).Count(item => item.Json["usage"] is not null));

        // The usage is metered nevertheless.
        Assert.Contains("\"include_usage\":true", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(11, (int)row["tokens_in"]!);
        Assert.Equal(7, (int)row["tokens_out"]!);
    }

    [Fact]
    public async Task UsageMissing_IsCountedAndMarked()
    {
        var slug = await ConnectAsync(new UpstreamScript { SendsUsage = false, Chunks = ["Hello", " world"] });
        using var stream = await Admin.StreamAsync(slug, path: OpenAi, includeUsage: true);
        var events = await stream.AllAsync();
        var usage = events[^2].Json["usage"]!;
        Assert.Equal(2, (int)usage["completion_tokens"]!);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.True((bool)row["estimated"]!);
        Assert.Equal((int)usage["prompt_tokens"]!, (int)row["tokens_in"]!);
    }

    /// <summary>Some upstreams split an emoji into two chunks with half of a surrogate pair each.</summary>
    [Theory]
    [InlineData(OpenAi, "messages", """[{"role":"user","content":"hi"}]""")]
    [InlineData(Native, "messages", """[{"role":"user","content":"hi"}]""")]
    [InlineData("/oai/v1/completions", "prompt", "\"hi\"")]
    [InlineData("/v1/inference/generate", "prompt", "\"hi\"")]
    [InlineData("/oai/v1/responses", "input", "\"hi\"")]
    public async Task HalvesOfACharacter_AreOneAgain(string path, string field, string input)
    {
        var slug = await ConnectAsync(Script(
            """{"content":"a\n\ud83c"}""", """{"content":"\udf89b\ud83c"}""", """{"content":"\udf89"}""", """{"reasoning_content":"\ud83c"}""", """{"reasoning_content":"\udf89"}"""));
        var answer = await Admin.SendAsync(HttpMethod.Post, path, $$"""{"model":"{{slug}}","stream":true,"{{field}}":{{input}}}""");
        Assert.Equal("a\n🎉b🎉", string.Concat(Events(answer.Text).Select(item => Said(item, "content"))));
        if (path is Native)
        {
            Assert.Equal("🎉", string.Concat(Events(answer.Text).Select(item => Said(item, "reasoning"))));
        }

        if (path == "/oai/v1/responses")
        {
            Assert.Contains("""a\n\uD83C\uDF89b\uD83C\uDF89""", answer.Text[answer.Text.IndexOf("event: response.completed", StringComparison.Ordinal)..]);
        }
    }

    [Fact]
    public async Task UsageThatCannotBeRead_GivesWayToWhatIsMetered()
    {
        const string Events = """
            data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}

            data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":"nine"}}

            data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":-9,"completion_tokens":-3}}

            data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":9}}

            data: [DONE]


            """;
        var slug = await ConnectAsync(new UpstreamScript { Body = Events.ReplaceLineEndings("\n"), ContentType = "text/event-stream" });
        using var stream = await Admin.StreamAsync(slug, path: OpenAi, includeUsage: true);
        var events = await stream.AllAsync();
        var usage = Assert.Single(events.SkipLast(1).Select(item => item.Json["usage"]).OfType<JsonNode>());
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(((int)row["tokens_in"]!, (int)row["tokens_out"]!), ((int)usage["prompt_tokens"]!, (int)usage["completion_tokens"]!));
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task UpstreamDiesMidStream_StreamEndsWithErrorEventThenDone(string path)
    {
        var slug = await ConnectAsync(new UpstreamScript { Chunks = ["Hello", " world", " again"], CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(50) });
        using var stream = await Admin.StreamAsync(slug, path: path);
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        var error = events[^2];
        Assert.Equal("error", error.Name);
        Assert.Equal(path == Native ? "BACKEND_ERROR" : "backend_error", (string?)(path == Native ? error.Json : error.Json["error"]!)["code"]);

        // The usage until then is recorded once.
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal("error", (string?)row["status"]);
        Assert.Equal(2, (int)row["tokens_out"]!);
    }

    [Fact]
    public async Task UpstreamDiesBeforeTheFirstChunk_IsAPlainError()
    {
        var slug = await ConnectAsync(new UpstreamScript { CutAfter = 0 });
        using var stream = await Admin.StreamAsync(slug);
        Assert.Equal(502, (int)stream.Response.StatusCode);
        Assert.Contains("BACKEND_ERROR", await stream.Response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}""", 429, "BACKEND_RATE_LIMITED")]
    [InlineData("""{"message":"slow down","type":"TooManyRequests","code":429}""", 429, "BACKEND_RATE_LIMITED")]
    [InlineData("""{"message":"too long","type":"BadRequestError","code":400}""", 422, "VALIDATION_ERROR")]
    [InlineData("""{"message":"who are you","code":401}""", 502, "BACKEND_ERROR")]
    [InlineData("""{"message":"down","type":"server_error","code":null}""", 502, "BACKEND_ERROR")]
    [InlineData("""{"message":"who knows"}""", 502, "BACKEND_ERROR")]
    public async Task ErrorInPlaceOfAChunk_IsWhatItSays(string error, int status, string code)
    {
        // OpenAI and vLLM send errors like this, without an event name.
        var document = $"data: {{\"error\":{error}}}\n\n";
        var slug = await ConnectAsync(new UpstreamScript { ContentType = "text/event-stream", Body = document });
        (await Admin.PostAsync(Native, new { model = slug, stream = true, messages = new[] { new { role = "user", content = "hi" } } })).Error(status, code);

        const string Chunk = """{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}""";
        slug = await ConnectAsync(new UpstreamScript { ContentType = "text/event-stream", Body = $"data: {Chunk}\n\n{document}data: [DONE]\n\n" });
        using var stream = await Admin.StreamAsync(slug);
        var events = await stream.AllAsync();
        Assert.Equal<(string, string?, string?, bool)>(("a", "error", code, true), (events[0].Content, events[^2].Name, (string?)events[^2].Json["code"], events[^1].IsDone));
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task LastChunk_HasTheIdAndTheTimeOfThoseBefore(string path)
    {
        // Azure's first chunk contains the result of its prompt filter.
        var slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}

                data: {"id":"c-1","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug, path: path, includeUsage: true);
        var chunks = (await stream.AllAsync()).SkipLast(1).TakeLast(2).Select(item => item.Json).ToList();
        Assert.NotNull(chunks[1]["usage"]);
        Assert.All(chunks, chunk => Assert.Equal<(string?, long?)>(("c-1", 5), ((string?)chunk["id"], (long?)chunk["created"])));
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task UsageInAChoice_AsKimiHasIt_IsMetered(string path)
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"id":"c-1","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}

                data: {"id":"c-1","created":5,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":13,"total_tokens":32,"cached_tokens":12}}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug, path: path, includeUsage: true);
        var usage = Assert.Single((await stream.AllAsync()).SkipLast(1).Select(item => item.Json["usage"]).OfType<JsonNode>());
        var cached = usage["cached_tokens"] ?? usage["prompt_tokens_details"]!["cached_tokens"];
        Assert.Equal((19, 13, 12), ((int)usage["prompt_tokens"]!, (int)usage["completion_tokens"]!, (int)cached!));
    }

    [Theory]
    [InlineData("one chunk")]
    [InlineData("two chunks")]
    public async Task UsageInAChoice_IsNotThatOfAnAnswerOfSeveral(string where)
    {
        const string First = """{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":150,"total_tokens":169}}""";
        const string Second = """{"index":1,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":19,"completion_tokens":1,"total_tokens":20}}""";
        var ends = where == "one chunk" ? [$"{First},{Second}"] : new[] { First, Second };
        var events = string.Concat(ends.Select(end => $"data: {{\"id\":\"c-1\",\"created\":5,\"model\":\"m\",\"choices\":[{end}]}}\n\n"));
        var slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = $$$"""
                data: {"id":"c-1","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"one two three four five six seven eight nine ten eleven twelve"}}]}

                {{{events}}}data: [DONE]


                """,
        });
        using var stream = await Admin.StreamAsync(slug, path: Native, includeUsage: true);
        var usage = Assert.Single((await stream.AllAsync()).SkipLast(1).Select(item => item.Json["usage"]).OfType<JsonNode>());
        Assert.InRange((int)usage["completion_tokens"]!, 10, 100);
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task ModelBehindTheText_AsAzureHasIt_IsReplacedInEveryChunk(string path)
    {
        string[] texts = ["One", " and a longer one", ", ", "then again", " a short one", "."];
        var chunks = texts.Select(text => $$$"""data: {"choices":[{"delta":{"content":"{{{text}}}"},"finish_reason":null,"index":0}],"created":5,"id":"c-1","model":"m"}""");
        var slug = await ConnectAsync(new UpstreamScript { ContentType = "text/event-stream", Body = string.Join("\n\n", [.. chunks, "data: [DONE]", ""]) });
        using var stream = await Admin.StreamAsync(slug, path: path);
        var events = (await stream.AllAsync()).Where(item => item.Content.Length > 0).ToList();
        Assert.Equal(texts, events.Select(item => item.Content));
        Assert.All(events, item => Assert.Equal(slug, (string?)item.Json["model"]));
    }

    /// <summary>The half is written once, as a replacement character, and not before each later text.</summary>
    [Theory]
    [InlineData(Native, "reasoning_content")]
    [InlineData("/oai/v1/completions", "content")]
    public async Task HalfACharacterThatStaysOne_IsNotRepeated(string path, string field)
    {
        string[] texts = ["cut \\ud83d", "a", "b", "c", "d"];
        var slug = await ConnectAsync(Script([.. texts.Select(text => $"{{\"{field}\":\"{text}\"}}")]));
        var body = path == Native ? "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" : "\"prompt\":\"hi\"";
        using var stream = await Admin.StreamBodyAsync(path, $$"""{"model":"{{slug}}","stream":true,{{body}}}""");
        var chunks = (await stream.AllAsync()).Where(item => !item.IsDone).Select(item => item.Json["choices"]?.AsArray().FirstOrDefault()).Where(choice => choice is not null);
        Assert.Equal("cut \ufffdabcd", string.Concat(chunks.Select(choice => (string?)(path == Native ? choice!["delta"]!["reasoning"] : choice!["text"]))));
    }

    [Fact]
    public async Task SilenceOf15Seconds_HasAComment()
    {
        // The second pause starts one second after the comment of the first. It ends before a timer with a three-second interval would notice it.
        var slug = await ConnectAsync(new UpstreamScript { Chunks = ["a", "b"], ChunkDelay = TimeSpan.FromSeconds(16) });
        using var stream = await Admin.StreamAsync(slug);
        var events = await stream.AllAsync();
        Assert.Equal(2, stream.Comments);
        Assert.Equal("ab", string.Concat(events.Select(item => item.Content)));
    }

    private static UpstreamScript Script(params string[] deltas) => new()
    {
        Body = string.Concat(deltas.Select(delta =>
            $$$"""data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{{{delta}}},"finish_reason":null}]}""" + "\n\n"))
            + """data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n",
        ContentType = "text/event-stream",
    };

    private static IEnumerable<JsonNode> Events(string text) =>
        text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line["data: ".Length..])!);

    // The text as clients assemble it: adjacent halves of a surrogate pair are one character.
    private static string? Said(JsonNode item, string field)
    {
        var said = (string?)item["type"] == "response.output_text.delta" ? item["delta"] : item["choices"]?.AsArray().FirstOrDefault() is { } choice
            ? choice["delta"]?[field] ?? (field == "content" ? choice["text"] : null)
            : null;
        return said is null ? null : ScaiGrid.Inference.Streaming.JsonText.Of(said.GetValue<System.Text.Json.JsonElement>());
    }
}
