using System.Text.Json;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>Responses in the format of the Messages API.</summary>
internal sealed class AnthropicDialect : WireDialect
{
    public override string Type => "anthropic";

    public override string Model => "claude-opus-5";

    public override string Whole(string text, bool withUsage = true) => JsonSerializer.Serialize(new
    {
        id = "msg_1",
        type = "message",
        role = "assistant",
        model = "claude-opus-5",
        content = new[] { new { type = "text", text } },
        stop_reason = "end_turn",
        usage = withUsage ? new { input_tokens = 11, output_tokens = 7 } : null,
    });

    public override IEnumerable<string> Begin() =>
    [
        Named(new { type = "message_start", message = new { id = "msg_1", type = "message", role = "assistant", model = "claude-opus-5", content = Array.Empty<object>() } }),
        Named(new { type = "content_block_start", index = 0, content_block = new { type = "text", text = "" } }),
        Named(new { type = "ping" }),
    ];

    public override string Text(string text) => Named(new { type = "content_block_delta", index = 0, delta = new { type = "text_delta", text } });

    public override IEnumerable<string> Call(string name, params string[] fragments) =>
    [
        Named(new { type = "content_block_stop", index = 0 }),
        Named(new { type = "content_block_start", index = 1, content_block = new { type = "tool_use", id = "toolu_1", name, input = new { } } }),
        .. fragments.Select(partial_json => Named(new { type = "content_block_delta", index = 1, delta = new { type = "input_json_delta", partial_json } })),
        Named(new { type = "content_block_stop", index = 1 }),
    ];

    public override IEnumerable<string> Finish(bool isCall = false, bool withUsage = true) =>
    [
        Named(new { type = "content_block_stop", index = 0 }),
        Named(new { type = "message_delta", delta = new { stop_reason = isCall ? "tool_use" : "end_turn" }, usage = withUsage ? new { input_tokens = 11, output_tokens = 7 } : null }),
    ];

    public override IEnumerable<string> End() => [Named(new { type = "message_stop" })];

    public override string Overloaded() => Named(new { type = "error", error = new { type = "overloaded_error", message = "Overloaded" } });

    public override string Error(string message) => JsonSerializer.Serialize(new { type = "error", error = new { type = "invalid_request_error", message } });

    private static string Named(object data) => Event(data, JsonSerializer.SerializeToElement(data).GetProperty("type").GetString());
}
