using System.Text.Json;
using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>Responses in the format of OpenAI's Responses API. The last event contains the finish reason and marks the end.</summary>
internal sealed class OpenAiResponsesDialect : WireDialect
{
    public override string Type => "openai";

    public override JsonObject Config(string address, string key) => new() { ["base_url"] = address, ["api_key"] = key, ["api"] = "responses" };

    public override string Whole(string text, bool withUsage = true) => JsonSerializer.Serialize(Response("completed", withUsage, Message(text)));

    public override IEnumerable<string> Begin() =>
    [
        Named(new { type = "response.created", response = Response("in_progress", withUsage: false) }),
        Named(new { type = "response.output_item.added", output_index = 0, item = new { type = "message", id = "msg_1", role = "assistant", status = "in_progress", content = Array.Empty<object>() } }),
    ];

    public override string Text(string text) => Named(new { type = "response.output_text.delta", item_id = "msg_1", output_index = 0, content_index = 0, delta = text });

    public override IEnumerable<string> Call(string name, params string[] fragments) =>
    [
        Named(new { type = "response.output_item.added", output_index = 1, item = Call(name, arguments: "") }),
        .. fragments.Select(delta => Named(new { type = "response.function_call_arguments.delta", item_id = "fc_1", output_index = 1, delta })),
        Named(new { type = "response.output_item.done", output_index = 1, item = Call(name, string.Concat(fragments)) }),
    ];

    public override IEnumerable<string> Finish(bool isCall = false, bool withUsage = true) => [Named(new { type = "response.completed", response = Response("completed", withUsage) })];

    public override IEnumerable<string> End() => [];

    public override string Overloaded() => Named(new { type = "error", code = "server_error", message = "Overloaded", param = (string?)null });

    public override string Error(string message) => JsonSerializer.Serialize(new { error = new { message, type = "invalid_request_error", param = (string?)null, code = (string?)null } });

    private static object Message(string text) =>
        new { type = "message", id = "msg_1", role = "assistant", status = "completed", content = new[] { new { type = "output_text", text, annotations = Array.Empty<object>() } } };

    private static object Call(string name, string arguments) => new { type = "function_call", id = "fc_1", call_id = "call_1", name, arguments };

    private static object Response(string status, bool withUsage, params object[] output) => new
    {
        id = "resp_1",
        @object = "response",
        created_at = 1_700_000_000,
        model = "up",
        status,
        error = (object?)null,
        output,
        usage = withUsage ? new { input_tokens = 11, output_tokens = 7, total_tokens = 18 } : null,
    };

    private static string Named(object data) => Event(data, JsonSerializer.SerializeToElement(data).GetProperty("type").GetString());
}
