using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Responses of OpenAI's Responses API, whole and as events.</summary>
public sealed class ResponsesAnswerTests(Grid grid) : GridTest(grid)
{
    private const string Path = "/oai/v1/responses";

    [Fact]
    public async Task Answer_IsAResponse()
    {
        var slug = await ConnectAsync(new UpstreamScript { CachedTokens = 4, ReasoningTokens = 2 });
        var body = (await Admin.PostAsync(Path, new { model = slug, input = "hi", instructions = "be kind", temperature = 0.5, truncation = "auto", top_logprobs = 0 })).Body();
        Assert.StartsWith("resp_", (string?)body["id"], StringComparison.Ordinal);
        Assert.Equal("response", (string?)body["object"]);
        Assert.Equal("completed", (string?)body["status"]);
        Assert.Equal(slug, (string?)body["model"]);
        Assert.Equal("be kind", (string?)body["instructions"]);
        Assert.Equal(0.5, (double)body["temperature"]!);
        Assert.Equal("disabled", (string?)body["truncation"]);
        Assert.False((bool)body["store"]!);
        var message = Assert.Single(body["output"]!.AsArray())!;
        Assert.Equal("message", (string?)message["type"]);
        Assert.Equal("Hello world", (string?)message["content"]![0]!["text"]);
        Assert.Equal(
            """{"input_tokens":11,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":18}""",
            body["usage"]!.ToJsonString());
    }

    [Fact]
    public async Task LongAnswer_IsIncomplete()
    {
        var body = (await Admin.PostAsync(Path, new { model = "scailabs/echo", input = "one two three", max_output_tokens = 1 })).Body();
        Assert.Equal("incomplete", (string?)body["status"]);
        Assert.Equal("max_output_tokens", (string?)body["incomplete_details"]!["reason"]);
        Assert.Equal("incomplete", (string?)body["output"]![0]!["status"]);
    }

    /// <summary>A caller must not execute a tool call that the model has not completed.</summary>
    [Theory]
    [InlineData("", "call_a completed {}, call_b incomplete ")]
    [InlineData("""{"path":"/tm""", """call_a completed {}, call_b incomplete {"path":"/tm""")]
    [InlineData("""{"path":1}""", """call_a completed {}, call_b completed {"path":1}""")]
    public async Task CallThatWasCut_IsIncomplete(string arguments, string calls)
    {
        static string Calls(JsonNode response) => string.Join(", ", response["output"]!.AsArray().Select(item => $"{item!["call_id"]} {item["status"]} {item["arguments"]}"));
        static string Call(int index, string id, string arguments) => $$$"""{"index":{{{index}}},"id":"{{{id}}}","function":{"name":"f","arguments":{{{JsonValue.Create(arguments).ToJsonString()}}}}}""";
        var made = $$"""{"role":"assistant","content":null,"tool_calls":[{{Call(0, "call_a", "{}")}},{{Call(1, "call_b", arguments)}}]}""";
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"id":"c","model":"m","choices":[{"index":0,"message":{{made}},"finish_reason":"length"}]}""" });
        var whole = (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body();
        Assert.Equal(("incomplete", calls), ((string?)whole["status"], Calls(whole)));

        slug = await ConnectAsync(Stream(Chunk(made), Chunk("{}", "\"length\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        Assert.Equal(("response.incomplete", calls), (events[^1].Name, Calls(events[^1].Json["response"]!)));
        Assert.Equal(calls.Contains("incomplete", StringComparison.Ordinal) ? "incomplete" : "completed", (string?)events[^2].Json["item"]!["status"]);
    }

    [Fact]
    public async Task CallWithHalfACharacter_IsAnswered()
    {
        const string Call = """{"id":"a","type":"function","function":{"name":"f","arguments":"{\"q\":\"\ud83d x\"}"}}""";
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{{Call}}]},"finish_reason":"tool_calls"}]}""" });
        var call = Assert.Single((await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body()["output"]!.AsArray())!;
        Assert.Equal(("completed", "{\"q\":\"\uFFFD x\"}"), ((string?)call["status"], (string?)call["arguments"]));
    }

    /// <summary>A response with only reasoning has no empty message; a response with neither text nor reasoning has one.</summary>
    [Theory]
    [InlineData("""{"role":"assistant","content":"","reasoning":"hm"}""", "reasoning")]
    [InlineData("""{"role":"assistant","content":""}""", "message")]
    public async Task AnswerWithoutText_IsTheSameInBothWays(string message, string output)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"id":"c","model":"m","choices":[{"index":0,"message":{{message}},"finish_reason":"stop"}]}""" });
        Assert.Equal([output], (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body()["output"]!.AsArray().Select(item => (string?)item!["type"]));

        slug = await ConnectAsync(Stream(Chunk(message, "\"stop\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        Assert.Equal([output], (await stream.AllAsync())[^1].Json["response"]!["output"]!.AsArray().Select(item => (string?)item!["type"]));
    }

    [Fact]
    public async Task AnswerThatEndsWithAnError_HasFailed()
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = """{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"error"}]}""" });
        var whole = (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body();
        Assert.Equal(("failed", "backend_error"), ((string?)whole["status"], (string?)whole["error"]!["code"]));
        Assert.Equal(("a", "incomplete"), ((string?)whole["output"]![0]!["content"]![0]!["text"], (string?)whole["output"]![0]!["status"]));

        slug = await ConnectAsync(Stream(Chunk("""{"role":"assistant","content":"a"}"""), Chunk("{}", "\"error\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        Assert.Equal(["response.output_item.done", "error", "response.failed"], events.TakeLast(3).Select(item => item.Name));
        Assert.Equal(("failed", "backend_error"), ((string?)events[^1].Json["response"]!["status"], (string?)events[^1].Json["response"]!["error"]!["code"]));
    }

    [Fact]
    public async Task TextStream_GrowsEventByEvent()
    {
        using var stream = await Admin.StreamBodyAsync(Path, """{"model":"scailabs/echo","input":"one two","stream":true}""");
        var events = await stream.AllAsync();
        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
                "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
            ],
            events.Select(item => item.Name));
        Assert.Equal(events.Select(item => item.Name), events.Select(item => (string?)item.Json["type"]));
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(item => (int)item.Json["sequence_number"]!));
        Assert.Equal("one two", string.Concat(events.Select(item => (string?)item.Json["delta"])));
        Assert.Equal("one two", (string?)events[6].Json["text"]);
        Assert.Equal("one two", (string?)events[^1].Json["response"]!["output"]![0]!["content"]![0]!["text"]);
        Assert.Equal(2, (int)events[^1].Json["response"]!["usage"]!["output_tokens"]!);
        Assert.Equal((string?)events[2].Json["item"]!["id"], (string?)events[4].Json["item_id"]);
    }

    /// <summary>The data of an event is one line.</summary>
    [Fact]
    public async Task RequestOnSeveralLines_IsRepeatedOnOne()
    {
        const string Body = """
            {
              "model": "scailabs/echo", "input": "one two", "stream": true,
              "tools": [
                { "type": "function", "name": "f", "description": "a\n b", "parameters": { "type": "object" } }
              ],
              "metadata": {
                "job": "7"
              }
            }
            """;
        using var stream = await Admin.StreamBodyAsync(Path, Body.ReplaceLineEndings("\r\n"));
        var responses = (await stream.AllAsync()).Where(item => item.Json["response"] is not null).Select(item => item.Json["response"]!).ToList();
        Assert.Equal(3, responses.Count);
        Assert.All(responses, response => Assert.Equal("a\n b", (string?)response["tools"]![0]!["description"]));
        Assert.All(responses, response => Assert.Equal("""{"job":"7"}""", response["metadata"]!.ToJsonString()));
    }

    [Fact]
    public async Task Refusal_IsAPartOfItsOwn()
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = """{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}""",
        });
        const string Part = """[{"type":"refusal","refusal":"I will not."}]""";
        var whole = (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body();
        Assert.Equal(Part, Plain(Assert.Single(whole["output"]!.AsArray())!["content"]!));

        slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","refusal":"I will"},"finish_reason":null}]}

                data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"refusal":" not."},"finish_reason":"stop"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.refusal.delta",
                "response.refusal.delta", "response.refusal.done", "response.content_part.done", "response.output_item.done", "response.completed",
            ],
            events.Select(item => item.Name));
        Assert.Equal("I will not.", (string?)events[6].Json["refusal"]);
        Assert.Equal(Part, Plain(events[^1].Json["response"]!["output"]![0]!["content"]!));
    }

    [Fact]
    public async Task AnswerWithoutAChoice_IsNoAnswer()
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = """{"id":"c","model":"m","choices":[null]}""" });
        (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).OpenAiError(502, "upstream_shape_mismatch");
    }

    /// <summary>Ollama and Google's compatible mode number all tool calls 0. Some servers give them an empty id, others a new id in each fragment.</summary>
    [Theory]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}""",
        """{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}}""",
        """a f {"x":1} b f {"x":2}""")]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""",
        """{"index":0,"id":"b","function":{"arguments":"1}"}}""",
        """a f {"x":1}""")]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}""",
        """{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}""",
        """a f {"x":1}""")]
    [InlineData(
        """{"index":0,"id":"","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}""",
        """{"index":1,"id":"","function":{"name":"g","arguments":"{}"}}""",
        "call_ f {} call_ g {}")]
    [InlineData(
        """{"index":0,"function":{"name":"f","arguments":"{\"x\":1}"}}""",
        """{"index":0,"function":{"name":"f","arguments":"{\"x\":2}"}}""",
        """call_ f {"x":1} call_ f {"x":2}""")]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":""}}""",
        """{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}],"content":"so: ","x":[{}""",
        "a f {} b g {}")]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}""",
        """{"index":0,"id":"b","function":{"name":"f","arguments":""}}""",
        """a f {"x":1}""")]
    [InlineData(
        """{"index":0,"id":"a","function":{"name":"f","arguments":"{\"q\":\"\ud83d x\"}"}}""",
        """{"index":0,"id":"b","function":{"name":"f","arguments":"{}"}}""",
        "a f {\"q\":\"\uFFFD x\"} b f {}")]
    public async Task CallsOfOtherServers_AreToldApart(string first, string second, string calls)
    {
        var slug = await ConnectAsync(Stream(
            Chunk($$"""{"tool_calls":[{{first}}]}"""), Chunk($$"""{"tool_calls":[{{second}}]}"""), Chunk("{}", "\"tool_calls\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        var output = events[^1].Json["response"]!["output"]!.AsArray();
        var made = output.Where(item => (string?)item!["type"] == "function_call").ToList();
        Assert.Equal(
            calls,
            string.Join(' ', made.Select(call => $"{(((string)call!["call_id"]!).StartsWith("call_", StringComparison.Ordinal) ? "call_" : call["call_id"])} {call["name"]} {call["arguments"]}")));

        Assert.Equal(
            string.Concat(made.Select(call => (string?)call!["arguments"])),
            string.Concat(events.Where(item => item.Name == "response.function_call_arguments.delta").OrderBy(item => (int)item.Json["output_index"]!).Select(item => (string?)item.Json["delta"])));

        // The next turn can refer to the calls.
        var results = made.Select(call => $$"""{"type":"function_call_output","call_id":"{{call!["call_id"]}}","output":"1"}""");
        (await Admin.SendAsync(
            HttpMethod.Post, Path, $$"""{"model":"scailabs/echo","input":[{"role":"user","content":"hi"},{{string.Join(',', [.. output.Select(item => item!.ToJsonString()), .. results])}}]}""")).Body();
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("call_a", "")]
    [InlineData("call_a", "hm")]
    public async Task CallWithTextInItsMiddle_StaysOne(string laterId, string lastText)
    {
        var slug = await ConnectAsync(Stream(
            Chunk("""{"tool_calls":[{"index":0,"id":"call_a","function":{"name":"f","arguments":"{\"x\":"}}]}"""),
            Chunk("""{"content":"\n"}"""),
            Chunk($$$"""{"tool_calls":[{"index":0,"id":"{{{laterId}}}","function":{"arguments":"1}"}}]}"""),
            Chunk($$"""{"reasoning":"{{lastText}}"}"""),
            Chunk("""{"tool_calls":[{"index":0,"function":{"arguments":""}}]}""", "\"tool_calls\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        var call = Assert.Single(events[^1].Json["response"]!["output"]!.AsArray(), item => (string?)item!["type"] == "function_call")!;
        Assert.Equal(("call_a", "f", """{"x":1}"""), ((string?)call["call_id"], (string?)call["name"], (string?)call["arguments"]));
        Assert.Single(events, item => item.Name == "response.output_item.done" && (string?)item.Json["item"]!["type"] == "function_call");
    }

    [Fact]
    public async Task CallsInFragments_ArePutTogether()
    {
        var slug = await ConnectAsync(Stream(
            Chunk("""{"reasoning_content":"hm"}"""),
            Chunk("""{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}"""),
            Chunk("""{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}"""),
            Chunk("""{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}]}"""),
            Chunk("""{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"""),
            Chunk("{}", "\"tool_calls\"")));
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        var output = events[^1].Json["response"]!["output"]!.AsArray();
        Assert.Equal(["reasoning", "function_call", "function_call"], output.Select(item => (string?)item!["type"]));
        Assert.Equal("hm", (string?)output[0]!["summary"]![0]!["text"]);
        Assert.Equal(("call_a", "f", """{"x":1}"""), ((string?)output[1]!["call_id"], (string?)output[1]!["name"], (string?)output[1]!["arguments"]));
        Assert.Equal(("call_b", "g", "{}"), ((string?)output[2]!["call_id"], (string?)output[2]!["name"], (string?)output[2]!["arguments"]));
        Assert.Equal(
            """{"x":1}""",
            string.Concat(events.Where(item => item.Name == "response.function_call_arguments.delta" && (int)item.Json["output_index"]! == 1).Select(item => (string?)item.Json["delta"])));
    }

    [Fact]
    public async Task BrokenStream_EndsWithAnErrorEvent()
    {
        var slug = await ConnectAsync(new UpstreamScript { CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(100) });
        using var stream = await Admin.StreamBodyAsync(Path, $$"""{"model":"{{slug}}","input":"hi","stream":true}""");
        var events = await stream.AllAsync();
        var (error, failed) = (events[^2], events[^1]);
        Assert.Equal(("error", "response.failed"), (error.Name, failed.Name));
        Assert.Equal("error", (string?)error.Json["type"]);

        // Clients that follow the reference read the first form, those that follow OpenAI's actual responses the second.
        Assert.Equal("backend_error", (string?)error.Json["code"]);
        Assert.Equal(("backend_error", "server_error"), ((string?)error.Json["error"]!["code"], (string?)error.Json["error"]!["type"]));
        Assert.Equal((string?)error.Json["message"], (string?)error.Json["error"]!["message"]);

        var response = failed.Json["response"]!;
        Assert.Equal(("failed", "backend_error"), ((string?)response["status"], (string?)response["error"]!["code"]));
        Assert.Equal((string?)events[0].Json["response"]!["id"], (string?)response["id"]);
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(item => (int)item.Json["sequence_number"]!));
    }

    private static string Chunk(string delta, string finish = "null") =>
        $"data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n";

    private static UpstreamScript Stream(params IEnumerable<string> chunks) =>
        new() { ContentType = "text/event-stream", Body = string.Concat(chunks) + "data: [DONE]\n\n" };

    private static string Plain(JsonNode node) => node.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
