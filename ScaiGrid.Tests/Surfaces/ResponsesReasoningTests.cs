using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Inference.Providers;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Reasoning items of the Responses API contain what a model needs back. It reaches the model when the caller sends the output as input.</summary>
public sealed class ResponsesReasoningTests(Grid grid) : GridTest(grid)
{
    private const string Path = "/oai/v1/responses";
    private const string Question = """{"role":"user","content":"What time is it?"}""";

    private readonly ConcurrentQueue<JsonNode> _received = new();

    /// <summary>Recorded responses, whole and streamed.</summary>
    [Theory]
    [InlineData(
        "anthropic", "thoughts-between-calls", "claude-opus-5", "reasoning message function_call function_call",
        "thinking:EqQB text:I'll look 🔎  tool_use:toolu_01 thinking:c2ln text:and \"there\". tool_use:toolu_02")]
    [InlineData(
        "anthropic", "stream-thoughts-between-calls", "claude-opus-5", "reasoning message function_call reasoning function_call reasoning",
        "thinking:EqQB text:I'll look 🔎 \"now\". tool_use:toolu_01 thinking:c2ln tool_use:toolu_02")]
    [InlineData(
        "anthropic", "stream-thinking-and-parallel-tools", "claude-opus-5", "reasoning message function_call function_call reasoning",
        "thinking:EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds redacted_thinking:EmwKAhgBEgy3va3pzix/LafPsn4a text:I'll look. tool_use:toolu_01T1x1fJ34qAmk2tNTrN7Up6 tool_use:toolu_02")]
    [InlineData("google", "turn-after-tools", "gemini-3-flash-preview", "reasoning function_call", "get_weather:RXE4")]
    [InlineData("google", "stream-parallel-tools", "gemini-3-flash-preview", "reasoning function_call function_call", "get_weather:Eq8BCqwB get_time:")]
    [InlineData("google", "text", "gemini-3-flash-preview", "reasoning message", "Paris — \"la ville lumière\" 🗼. :CpcBAdHtim9")]
    [InlineData("google", "stream-text", "gemini-3-flash-preview", "reasoning message reasoning", "The capital is Paris — 🗼 :CpcBAdHtim9")]
    public async Task Thoughts_ComeBackWhereTheyStood(string provider, string name, string model, string items, string turn)
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var exchange = new RecordedExchange(provider, name);
        var slug = await ConnectAsync(provider, model, upstream, exchange);
        var output = await AskAsync(slug, $"[{Question}]", exchange.ContentType != "application/json");
        Assert.Equal(items, string.Join(' ', output.Select(item => (string?)item!["type"])));
        await AskAsync(slug, NextTurn(output), exchange.ContentType != "application/json");
        Assert.Equal(turn, provider == "google" ? GoogleTurn(_received.Last()) : AnthropicTurn(_received.Last()));
    }

    /// <summary>
    /// Other models of the same provider get the reasoning, because the provider ignores what is not its own. Models in OpenAI's format do not, because they
    /// may refuse the field.
    /// </summary>
    [Fact]
    public async Task ThoughtsOfAnotherModel_GoWhereTheyAreTaken()
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var exchange = new RecordedExchange("anthropic", "thoughts-between-calls");
        var output = await AskAsync(await ConnectAsync("anthropic", "claude-opus-5", upstream, exchange), $"[{Question}]", isStream: false);
        await AskAsync(await ConnectAsync("anthropic", "claude-sonnet-5", upstream, exchange), NextTurn(output), isStream: false);
        Assert.StartsWith("thinking:EqQB", AnthropicTurn(_received.Last()), StringComparison.Ordinal);

        await AskAsync(await ConnectAsync(new UpstreamScript(), out var other), NextTurn(output), isStream: false);
        Assert.Equal(["role", "content", "tool_calls"], AssistantsMessage(other).Select(field => field.Key));
    }

    [Theory]
    [InlineData("reasoning_content", false)]
    [InlineData("reasoning_content", true)]
    [InlineData("reasoning", false)]
    [InlineData("reasoning", true)]
    public async Task ReasoningOfOurFormat_ComesBackInItsField(string field, bool isStream)
    {
        var slug = await ConnectAsync(Reasoning(field, isStream), out var model);
        var output = await AskAsync(slug, $"[{Question}]", isStream);
        Assert.Equal("Hm, a \"tool\".", (string?)output[0]!["summary"]![0]!["text"]);
        await AskAsync(slug, NextTurn(output), isStream);
        var message = AssistantsMessage(model);
        Assert.Equal("Hm, a \"tool\".", (string?)message[field]);
        Assert.Equal(
            ["""{"google":{"thought_signature":"c2ln"}}""", """{"google":{"thought_signature":"bW9yZQ"}}"""],
            message["tool_calls"]!.AsArray().Select(call => call!["extra_content"]!.ToJsonString()));

        await AskAsync(await ConnectAsync(Reasoning(field, isStream), out var other), NextTurn(output), isStream);
        message = AssistantsMessage(other);
        Assert.Equal(["role", "content", "tool_calls"], message.Select(property => property.Key));
        Assert.All(message["tool_calls"]!.AsArray(), call => Assert.Equal(["id", "type", "function"], call!.AsObject().Select(property => property.Key)));
    }

    /// <summary>OpenRouter signs whole blocks. Its streams send them in parts, the last of which contains the signature.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BlocksOfOpenRouter_ComeBackWhole(bool isStream)
    {
        const string Encrypted = """{"type":"reasoning.encrypted","data":"Z2VtaW5p","id":"call_1","format":"google-gemini-v1","index":1}""";
        const string Blocks = $$"""[{"type":"reasoning.text","text":"Hm, a tool.","format":"anthropic-claude-v1","index":0,"signature":"c2ln"},{{Encrypted}}]""";
        const string Call = """{"index":0,"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"}}""";
        static string Chunk(string delta) => $$"""data: {"id":"c","choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""" + "\n\n";
        static string Piece(string text, string more) => Chunk($$"""{"reasoning":{{text}},"reasoning_details":[{"type":"reasoning.text",{{more}},"format":"anthropic-claude-v1","index":0}]}""");
        UpstreamScript Script() => isStream
            ? new()
            {
                ContentType = "text/event-stream",
                Body = Piece("\"Hm, \"", "\"text\":\"Hm, \"") + Piece("\"a tool.\"", "\"text\":\"a tool.\",\"signature\":null") + Piece("null", "\"signature\":\"c2ln\"")
                    + Chunk($$"""{"tool_calls":[{{Call}}]}""") + Chunk($$"""{"reasoning_details":[{{Encrypted}}]}""")
                    + """data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}""" + "\n\ndata: [DONE]\n\n",
            }
            : new()
            {
                Body = $$$"""
                    {"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning":"Hm, a tool.","reasoning_details":{{{Blocks}}},"tool_calls":[{{{Call}}}]},"finish_reason":"tool_calls"}]}
                    """,
            };
        var slug = await ConnectAsync(Script(), out var model);
        var output = await AskAsync(slug, $"[{Question}]", isStream);
        await AskAsync(slug, NextTurn(output), isStream);
        Assert.Equal(
            JsonNode.Parse(Blocks)!.AsArray().Select(Sorted), AssistantsMessage(model)["reasoning_details"]!.AsArray().Select(Sorted));
        await AskAsync(await ConnectAsync(Script(), out var other), NextTurn(output), isStream);
        Assert.Equal(["role", "content", "tool_calls"], AssistantsMessage(other).Select(field => field.Key));

        static string Sorted(JsonNode? block) => string.Join(' ', block!.AsObject().OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}={field.Value}"));
    }

    /// <summary>The halves of a character that a stream splits are joined. A single half becomes a replacement character.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task HalvesOfCharactersInBlocks_AreNoMistakeOfOurs(bool isStream)
    {
        const string Call = """{"index":0,"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"}}""";
        const string First = """cut \ud83d""";
        const string Second = """\ude00 and \ud83d""";
        static string Block(string text) => $$$"""[{"type":"reasoning.text","text":"{{{text}}}","index":0,"more":{"a":["\ud83d"]}}]""";
        static string Chunk(string delta, string finish = "null") => $$"""data: {"id":"c","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{finish}}}]}""" + "\n\n";
        var slug = await ConnectAsync(
            isStream
                ? new()
                {
                    ContentType = "text/event-stream",
                    Body = Chunk($$"""{"reasoning_details":{{Block(First)}}}""") + Chunk($$"""{"reasoning_details":{{Block(Second)}}}""")
                        + Chunk($$"""{"tool_calls":[{{Call}}]}""", "\"tool_calls\"") + "data: [DONE]\n\n",
                }
                : new()
                {
                    Body = $$$"""
                        {"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_details":{{{Block(First + Second)}}},"tool_calls":[{{{Call}}}]},"finish_reason":"tool_calls"}]}
                        """,
                },
            out var model);
        var output = await AskAsync(slug, $"[{Question}]", isStream);
        await AskAsync(slug, NextTurn(output), isStream);
        Assert.Equal("cut \ud83d\ude00 and \ufffd", (string?)AssistantsMessage(model)["reasoning_details"]![0]!["text"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BlocksThatAreNoList_AreLeftOut(bool isStream)
    {
        const string Message = """{"role":"assistant","content":"Noon.","reasoning_details":{"type":"reasoning.text","text":"Hm."}}""";
        var slug = await ConnectAsync(
            isStream
                ? new()
                {
                    ContentType = "text/event-stream",
                    Body = $$"""data: {"id":"c","choices":[{"index":0,"delta":{{Message}},"finish_reason":"stop"}]}""" + "\n\ndata: [DONE]\n\n",
                }
                : new() { Body = $$"""{"id":"c","choices":[{"index":0,"message":{{Message}},"finish_reason":"stop"}]}""" },
            out _);
        Assert.Equal(["message"], (await AskAsync(slug, $"[{Question}]", isStream)).Select(item => (string?)item!["type"]));
    }

    [Theory]
    [InlineData("gAAAAABo7fYz-OpenAI-s-own_is-of-another-alphabet==")]
    [InlineData("")]
    [InlineData("/////w==")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"maker":7}""")]
    [InlineData("""{"maker":"x","field":"content","message":"no","calls":[1]}""")]
    [InlineData("""{"maker":"x","\ud83d":1}""")]
    [InlineData("""{"maker":"x","field":"reasoning","message":{"google":{}},"calls":{"call_1":{"google":{}},"call_9":{}}}""")]
    public async Task WhatIsNotTheModels_IsLeftOut(string content)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var model);
        var encrypted = content is ['{' or '[', ..] ? Convert.ToBase64String(Encoding.UTF8.GetBytes(content)) : content;
        var reasoning = new JsonObject
        {
            ["type"] = "reasoning",
            ["id"] = "rs_1",
            ["summary"] = new JsonArray(new JsonObject { ["type"] = "summary_text", ["text"] = "Hm." }),
            ["encrypted_content"] = encrypted,
        };
        await AskAsync(
            slug,
            $$"""
            [{{Question}},{{reasoning.ToJsonString()}},{"type":"function_call","call_id":"call_1","name":"get_time","arguments":"{}"},
             {"type":"function_call_output","call_id":"call_1","output":"12:00"}]
            """,
            isStream: false);
        Assert.Equal(
            """{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"}}]}""",
            AssistantsMessage(model).ToJsonString());
    }

    /// <summary>Carried data that is nested too deeply for a request is ignored.</summary>
    [Fact]
    public async Task CarrierThatIsTooDeep_IsLeftOut()
    {
        var slug = await ConnectAsync(Reasoning("reasoning", isStream: false), out var model);
        var output = await AskAsync(slug, $"[{Question}]", isStream: false);
        var carried = JsonNode.Parse(Convert.FromBase64String((string)output[0]!["encrypted_content"]!))!;
        carried["message"] = JsonNode.Parse(string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40));
        output[0]!["encrypted_content"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(carried.ToJsonString()));
        await AskAsync(slug, NextTurn(output), isStream: false);
        Assert.Equal(["role", "content", "tool_calls"], AssistantsMessage(model).Select(field => field.Key));
    }

    [Fact]
    public async Task JavaScriptClient_SendsThemBack()
    {
        var slug = await ConnectAsync(Reasoning("reasoning_content", isStream: true), out var model);
        await JavaScriptClient.RunAsync(Admin, "reasoning", slug);
        Assert.Equal("Hm, a \"tool\".", (string?)AssistantsMessage(model)["reasoning_content"]);
    }

    private static UpstreamScript Reasoning(string field, bool isStream)
    {
        const string First = """{"index":0,"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}""";
        const string Second = """{"index":1,"id":"call_2","type":"function","function":{"name":"get_time","arguments":"{}"},"extra_content":{"google":{"thought_signature":"bW9yZQ"}}}""";
        static string Chunk(string delta, string finish) => $$"""data: {"id":"c","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{finish}}}]}""" + "\n\n";
        return isStream
            ? new UpstreamScript
            {
                ContentType = "text/event-stream",
                Body = Chunk($$"""{"role":"assistant","{{field}}":"Hm, a "}""", "null") + Chunk($$"""{"{{field}}":"\"tool\"."}""", "null")
                    + Chunk($$"""{"tool_calls":[{{First}}]}""", "null") + Chunk($$"""{"tool_calls":[{{Second}}]}""", "null") + Chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n",
            }
            : new UpstreamScript
            {
                Body = $$$"""
                    {"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"{{{field}}}":"Hm, a \"tool\".","tool_calls":[{{{First}}},{{{Second}}}]},"finish_reason":"tool_calls"}]}
                    """,
            };
    }

    /// <returns>The output. For a stream that of the last event, which must equal the items of the other events.</returns>
    private async Task<JsonArray> AskAsync(string slug, string input, bool isStream)
    {
        var body = $$"""{"model":"{{slug}}","input":{{input}},"reasoning":{"effort":"low"},"store":false,"include":["reasoning.encrypted_content"]{{(isStream ? ",\"stream\":true" : "")}}}""";
        if (!isStream)
        {
            return (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body()["output"]!.AsArray();
        }

        using var stream = await Admin.StreamBodyAsync(Path, body);
        var events = await stream.AllAsync();
        Assert.Equal("response.completed", events[^1].Name);
        Assert.Equal(
            events.Where(item => item.Name == "response.output_item.added").Select(item => (int)item.Json["output_index"]!).Order(),
            events.Where(item => item.Name == "response.output_item.done").Select(item => (int)item.Json["output_index"]!).Order());
        var done = new JsonArray([.. events.Where(item => item.Name == "response.output_item.done").Select(item => item.Json["item"]!.DeepClone())]);
        var output = events[^1].Json["response"]!["output"]!.AsArray();
        Assert.Equal(output.ToJsonString(), done.ToJsonString());
        return output;
    }

    private static string NextTurn(JsonArray output)
    {
        var input = new JsonArray(JsonNode.Parse(Question));
        foreach (var item in output)
        {
            input.Add(item!.DeepClone());
        }

        foreach (var call in output.Where(item => (string?)item!["type"] == "function_call"))
        {
            input.Add((JsonNode)new JsonObject { ["type"] = "function_call_output", ["call_id"] = (string?)call!["call_id"], ["output"] = "12:00" });
        }

        input.Add(JsonNode.Parse("""{"role":"user","content":"Thanks."}"""));
        return input.ToJsonString();
    }

    private JsonObject AssistantsMessage(string upstreamModel) =>
        JsonNode.Parse(Grid.Upstream.CallsOf(upstreamModel)[^1].Body)!["messages"]!.AsArray().Single(message => (string?)message!["role"] == "assistant")!.AsObject();

    private static string AnthropicTurn(JsonNode request) => string.Join(' ', request["messages"]![1]!["content"]!.AsArray().Select(block =>
        $"{(string?)block!["type"]}:{(string?)(block["signature"] ?? block["data"] ?? block["id"] ?? block["text"])}"));

    private static string GoogleTurn(JsonNode request) => string.Join(' ', request["contents"]![1]!["parts"]!.AsArray().Select(part =>
        part!["functionCall"] is { } call ? $"{(string?)call["name"]}:{(string?)part["thoughtSignature"]}"
        : (string?)part["text"] is { Length: > 0 } text ? text : $":{(string?)part["thoughtSignature"]}"));

    private async Task<string> ConnectAsync(string type, string upstreamModel, ScriptedUpstream upstream, RecordedExchange exchange)
    {
        var address = upstream.Play(async context =>
        {
            context.Request.Body.Position = 0;
            _received.Enqueue((await JsonNode.ParseAsync(context.Request.Body))!);
            context.Response.ContentType = exchange.ContentType;
            await context.Response.Body.WriteAsync(exchange.UpstreamBytes);
        });
        return await ReasoningTurnTests.ConnectAsync(Admin, type, upstreamModel, address);
    }
}
