using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Data that a provider needs in the next turn reaches it when the caller sends the assistant's message back unchanged.</summary>
public sealed class ReasoningTurnTests(Grid grid) : GridTest(grid)
{
    private const string Signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds";

    private readonly ConcurrentQueue<JsonNode> _received = new();

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/oai/v1/chat/completions")]
    public async Task ThinkingOfAnthropic_SurvivesATurnWithTools(string path)
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var slug = await ConnectAsync("anthropic", "claude-opus-5", upstream, new
        {
            id = "msg_1",
            type = "message",
            role = "assistant",
            content = new object[]
            {
                new { type = "thinking", thinking = "A tool \"would\" do.", signature = Signature },
                new { type = "tool_use", id = "toolu_1", name = "get_time", input = new { } },
            },
            stop_reason = "tool_use",
        });
        var second = await TwoTurnsAsync(slug, path);
        var blocks = second["messages"]![1]!["content"]!.AsArray();
        Assert.Equal(["thinking", "tool_use"], blocks.Select(block => (string)block!["type"]!));
        Assert.Equal(Signature, (string)blocks[0]!["signature"]!);
        Assert.Equal("A tool \"would\" do.", (string)blocks[0]!["thinking"]!);
    }

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/oai/v1/chat/completions")]
    public async Task SignatureOfGoogle_SurvivesATurnWithTools(string path)
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var slug = await ConnectAsync("google", "gemini-3-flash-preview", upstream, new
        {
            candidates = new[] { new { content = new { role = "model", parts = new[] { new { functionCall = new { name = "get_time", args = new { } }, thoughtSignature = Signature } } }, finishReason = "STOP" } },
            responseId = "r1",
        });
        var second = await TwoTurnsAsync(slug, path);
        Assert.Equal(Signature, (string)second["contents"]![1]!["parts"]![0]!["thoughtSignature"]!);
    }

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/oai/v1/chat/completions")]
    public async Task ThoughtsOfOpenAi_SurviveATurnWithTools(string path)
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var slug = await ConnectAsync(
            "openai",
            "gpt-5.6",
            upstream,
            new
            {
                id = "resp_1",
                status = "completed",
                model = "gpt-5.6",
                output = new object[]
                {
                    new { type = "reasoning", id = "rs_1", summary = Array.Empty<object>(), encrypted_content = Signature },
                    new { type = "function_call", id = "fc_1", call_id = "call_1", name = "get_time", arguments = "{}" },
                },
                usage = new { input_tokens = 11, output_tokens = 7, output_tokens_details = new { reasoning_tokens = 5 } },
            },
            api: "responses");
        var items = (await TwoTurnsAsync(slug, path))["input"]!.AsArray();
        Assert.Equal(["", "reasoning", "function_call", "function_call_output"], items.Select(item => (string?)item!["type"] ?? ""));
        Assert.Equal(Signature, (string)items[1]!["encrypted_content"]!);
        Assert.Equal(["call_1", "call_1"], items.Skip(2).Select(item => (string)item!["call_id"]!));
    }

    /// <summary>The native surface has one name for reasoning. Models that need their reasoning back refuse tool calls without it.</summary>
    [Theory]
    [InlineData("reasoning_content", false)]
    [InlineData("reasoning_content", true)]
    [InlineData("reasoning", false)]
    [InlineData("reasoning", true)]
    public async Task ReasoningOfOurFormat_ComesBackUnderItsOwnName(string name, bool isStream)
    {
        var slug = await ConnectAsync(Reasoning(name, isStream), out var model);
        var message = await AskNativeAsync(slug, isStream);
        Assert.Equal(("Hm, a tool.", null), ((string?)message["reasoning"], (string?)message["reasoning_content"]));
        await AskNativeAsync(slug, isStream, message);
        Assert.Equal(["role", "content", "tool_calls", name], AssistantsMessage(model).Select(field => field.Key));
        Assert.Equal("Hm, a tool.", (string?)AssistantsMessage(model)[name]);

        // Another model may not know the field name.
        await AskNativeAsync(await ConnectAsync(Reasoning(name, isStream), out var other), isStream, message);
        Assert.Equal(["role", "content", "tool_calls", "reasoning"], AssistantsMessage(other).Select(field => field.Key));

        // The position of the marker and white space around it do not matter. Reasoning that the caller leaves out is not restored.
        if (message["extra_content"] is { } mark)
        {
            foreach (var text in (string[])[
                $$"""{ "extra_content" : {{mark.ToJsonString()}} , "role":"assistant","reasoning":"Hm."}""",
                $$"""{"role":"assistant","reasoning" : "Hm." , "extra_content":{{mark.ToJsonString()}} }""",
                $$"""{"reasoning":"Hm.","extra_content":{{mark.ToJsonString()}},"role":"assistant"}""",
                $$"""{"role":"assistant","content":"Hm.","extra_content":{{mark.ToJsonString()}}}"""])
            {
                await AskNativeAsync(slug, isStream, JsonNode.Parse(text)!.AsObject(), text);
                Assert.Equal(["Hm.", "assistant"], AssistantsMessage(model).Select(field => (string?)field.Value).Order(StringComparer.Ordinal));
                Assert.Contains(AssistantsMessage(model), field => field.Key is "reasoning_content" or "content");
            }
        }
    }

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/oai/v1/chat/completions")]
    public async Task BlocksOfOpenRouter_SurviveATurnWithTools(string path)
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        var details = new[] { new { type = "reasoning.text", text = "A tool.", signature = Signature, format = "anthropic-claude-v1", index = 0 } };
        var calls = new[] { new { id = "call_1", type = "function", function = new { name = "get_time", arguments = "{}" } } };
        var slug = await ConnectAsync("custom", "anthropic/claude-opus-5", upstream, new
        {
            id = "gen-1",
            choices = new[] { new { index = 0, message = new { role = "assistant", reasoning = "A tool.", reasoning_details = details, tool_calls = calls }, finish_reason = "tool_calls" } },
        });
        var second = await TwoTurnsAsync(slug, path);
        Assert.Equal(JsonSerializer.Serialize(details), second["messages"]![1]!["reasoning_details"]!.ToJsonString());
    }

    private static UpstreamScript Reasoning(string name, bool isStream)
    {
        const string Call = """{"index":0,"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"}}""";
        static string Chunk(string delta, string finish) => $$"""data: {"id":"c","choices":[{"index":0,"delta":{{delta}},"finish_reason":{{finish}}}]}""" + "\n\n";
        return isStream
            ? new UpstreamScript
            {
                ContentType = "text/event-stream",
                Body = Chunk($$"""{"role":"assistant","{{name}}":"Hm, "}""", "null") + Chunk($$"""{"{{name}}":"a "}""", "null") + Chunk($$"""{"{{name}}":"tool."}""", "null")
                    + Chunk($$"""{"tool_calls":[{{Call}}]}""", "null") + Chunk("{}", "\"tool_calls\"") + "data: [DONE]\n\n",
            }
            : new UpstreamScript
            {
                Body = $$$"""
                    {"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"{{{name}}}":"Hm, a tool.","tool_calls":[{{{Call}}}]},"finish_reason":"tool_calls"}]}
                    """,
            };
    }

    /// <returns>The assistant's message; for a stream, assembled from its chunks.</returns>
    private async Task<JsonObject> AskNativeAsync(string slug, bool isStream, JsonObject? before = null, string? written = null)
    {
        var messages = """{"role":"user","content":"What time is it?"}""" + (before is null ? "" : $",{written ?? before.ToJsonString()}")
            + (before?["tool_calls"] is null ? "" : """,{"role":"tool","tool_call_id":"call_1","content":"12:00"}""");
        var body = $$"""{"model":"{{slug}}","messages":[{{messages}}]{{(isStream ? ",\"stream\":true" : "")}}}""";
        if (!isStream)
        {
            return (await Admin.SendAsync(HttpMethod.Post, "/v1/inference/chat", body)).Ok()["choices"]![0]!["message"]!.AsObject();
        }

        using var stream = await Admin.StreamBodyAsync("/v1/inference/chat", body);
        var message = new JsonObject { ["role"] = "assistant", ["content"] = null };
        var chunks = (await stream.AllAsync()).Where(item => !item.IsDone).SelectMany(item => item.Json["choices"]!.AsArray());
        foreach (var delta in chunks.Select(choice => choice!["delta"]!.AsObject()))
        {
            foreach (var field in delta.Where(field => field.Key is "tool_calls" or "reasoning" or "extra_content"))
            {
                message[field.Key] = field.Key == "reasoning" ? (string?)message["reasoning"] + (string?)field.Value : field.Value!.DeepClone();
            }
        }

        // In the order of the fields of a whole response.
        if (message["reasoning"] is { } reasoning && message.Remove("reasoning"))
        {
            message["reasoning"] = (string?)reasoning;
        }

        if (message["extra_content"]?.DeepClone() is { } extra && message.Remove("extra_content"))
        {
            message["extra_content"] = extra;
        }

        return message;
    }

    private JsonObject AssistantsMessage(string upstreamModel) =>
        JsonNode.Parse(Grid.Upstream.CallsOf(upstreamModel)[^1].Body)!["messages"]!.AsArray().Single(message => (string?)message!["role"] == "assistant")!.AsObject();

    /// <returns>The second request that the upstream received.</returns>
    private async Task<JsonNode> TwoTurnsAsync(string slug, string path)
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What time is it?" });
        var request = new JsonObject { ["model"] = slug, ["reasoning_effort"] = "low", ["messages"] = messages };
        var answer = await Admin.SendAsync(HttpMethod.Post, path, request.ToJsonString());
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Text);
        var body = JsonNode.Parse(answer.Text)!;
        var message = (body["data"] ?? body)["choices"]![0]!["message"]!;
        messages.Add(message.DeepClone());
        messages.Add((JsonNode)new JsonObject { ["role"] = "tool", ["tool_call_id"] = (string?)message["tool_calls"]![0]!["id"], ["content"] = "12:00" });
        answer = await Admin.SendAsync(HttpMethod.Post, path, request.ToJsonString());
        Assert.True(answer.Status == System.Net.HttpStatusCode.OK, answer.Text);
        return _received.Last();
    }

    private async Task<string> ConnectAsync(string type, string upstreamModel, ScriptedUpstream upstream, object answer, string? api = null)
    {
        var address = upstream.Play(async context =>
        {
            context.Request.Body.Position = 0;
            _received.Enqueue((await JsonNode.ParseAsync(context.Request.Body))!);
            await context.AnswerAsync(JsonSerializer.Serialize(answer));
        });
        return await ConnectAsync(Admin, type, upstreamModel, address, api);
    }

    /// <returns>The slug of a model with one backend of this provider.</returns>
    internal static async Task<string> ConnectAsync(ApiDriver admin, string type, string upstreamModel, string address, string? api = null)
    {
        var config = new JsonObject { ["base_url"] = address, ["api_key"] = "sk-turns" };
        if (api is not null)
        {
            config["api"] = api;
        }

        var provider = (string)(await admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type, config })).Created()["id"]!;
        var backend = (string)(await admin.PostAsync("/v1/backends", new { name = Fresh.Name(), provider_id = provider, model = upstreamModel })).Created()["id"]!;
        var slug = $"turns/{Fresh.Name()}";
        var model = (string)(await admin.PostAsync(
            "/v1/models", new { slug, display_name = "Turns", modality = "chat", input_price_per_mtok = "1", output_price_per_mtok = "1" })).Created()["id"]!;
        (await admin.PutAsync($"/v1/models/{model}/routing", new { strategy = "weighted", targets = new[] { new { backend_id = backend, weight = 1, priority = 0 } } })).Ok();
        await Poll.UntilAsync(async () => (await admin.GetAsync($"/oai/v1/models/{slug}")).Status == System.Net.HttpStatusCode.OK, "the model in the snapshot");
        return slug;
    }
}
