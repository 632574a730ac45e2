using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>What a provider wants back with the next turn comes back to it, when the caller sends the assistant's message as it got it.</summary>
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

    /// <returns>The upstream's second request.</returns>
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

    /// <returns>The slug of a model with one backend of that provider.</returns>
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
