using System.Text.Json;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>Responses in the format of the Gemini API. It has no end marker, and tool calls arrive in one piece.</summary>
internal sealed class GoogleDialect : WireDialect
{
    private static readonly object Usage = new { promptTokenCount = 11, candidatesTokenCount = 7, totalTokenCount = 18 };

    public override string Type => "google";

    public override string Model => "gemini-3-flash-preview";

    public override string Whole(string text, bool withUsage = true) => JsonSerializer.Serialize(Answer([new { text }], "STOP", withUsage));

    public override IEnumerable<string> Begin() => [];

    public override string Text(string text) => Event(Answer([new { text }], null, withUsage: false));

    public override IEnumerable<string> Call(string name, params string[] fragments) =>
        [Event(Answer([new { functionCall = new { name, args = JsonDocument.Parse(string.Concat(fragments)).RootElement } }], null, withUsage: false))];

    public override IEnumerable<string> Finish(bool isCall = false, bool withUsage = true) => [Event(Answer([new { text = "" }], "STOP", withUsage))];

    public override IEnumerable<string> End() => [];

    public override string Overloaded() => Event(new { error = new { code = 503, message = "Overloaded", status = "UNAVAILABLE" } });

    public override string Error(string message) => JsonSerializer.Serialize(new { error = new { code = 400, message, status = "INVALID_ARGUMENT" } });

    private static Dictionary<string, object> Answer(object[] parts, string? finish, bool withUsage)
    {
        var candidate = new Dictionary<string, object> { ["content"] = new { role = "model", parts }, ["index"] = 0 };
        if (finish is not null)
        {
            candidate["finishReason"] = finish;
        }

        var answer = new Dictionary<string, object> { ["candidates"] = new[] { candidate }, ["modelVersion"] = "gemini-3-flash-preview", ["responseId"] = "r1" };
        if (withUsage)
        {
            answer["usageMetadata"] = Usage;
        }

        return answer;
    }
}
