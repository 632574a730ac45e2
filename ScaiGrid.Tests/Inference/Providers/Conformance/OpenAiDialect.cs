using System.Text.Json;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>Responses in the format of OpenAI's chat completions.</summary>
internal sealed class OpenAiDialect(string type) : WireDialect
{
    private static readonly object Usage = new { prompt_tokens = 11, completion_tokens = 7, total_tokens = 18 };

    public override string Type => type;

    public override string Whole(string text, bool withUsage = true) => JsonSerializer.Serialize(new
    {
        id = "chatcmpl-1",
        @object = "chat.completion",
        created = 1_700_000_000,
        model = "up",
        choices = new[] { new { index = 0, message = new { role = "assistant", content = text }, finish_reason = "stop" } },
        usage = withUsage ? Usage : null,
    });

    public override IEnumerable<string> Begin() => [Chunk(new { role = "assistant", content = "" })];

    public override string Text(string text) => Chunk(new { content = text });

    public override IEnumerable<string> Call(string name, params string[] fragments) =>
    [
        Chunk(new { tool_calls = new[] { new { index = 0, id = "call00001", type = "function", function = new { name, arguments = "" } } } }),
        .. fragments.Select(fragment => Chunk(new { tool_calls = new[] { new { index = 0, function = new { arguments = fragment } } } })),
    ];

    public override IEnumerable<string> Finish(bool isCall = false, bool withUsage = true)
    {
        yield return Chunk(new { }, isCall ? "tool_calls" : "stop");
        if (withUsage)
        {
            yield return Event(new { id = "chatcmpl-1", @object = "chat.completion.chunk", created = 1_700_000_000, model = "up", choices = Array.Empty<object>(), usage = Usage });
        }
    }

    public override IEnumerable<string> End() => ["data: [DONE]\n\n"];

    public override string Overloaded() => Event(new { error = new { message = "Overloaded", type = "server_error", code = (string?)null } });

    public override string Error(string message) => JsonSerializer.Serialize(new { error = new { message, type = "invalid_request_error", param = (string?)null, code = (string?)null } });

    private static string Chunk(object delta, string? finish = null) => Event(new
    {
        id = "chatcmpl-1",
        @object = "chat.completion.chunk",
        created = 1_700_000_000,
        model = "up",
        choices = new[] { new { index = 0, delta, finish_reason = finish } },
    });
}
