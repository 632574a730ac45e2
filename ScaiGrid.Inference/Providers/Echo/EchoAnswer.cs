using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>The echo's answer to a request.</summary>
/// <param name="Text">The answer's text, or the arguments of the tool call.</param>
/// <param name="ToolName">The tool to call if the request forces one; otherwise null.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c> or <c>tool_calls</c>.</param>
/// <param name="Usage">Counted with the tokenizer.</param>
internal sealed record EchoAnswer(string Text, string? ToolName, string FinishReason, TokenUsage Usage)
{
    public static EchoAnswer To(RequestDocument request, long promptTokens)
    {
        var (text, tool, reason) = (LastText(request.Messages), ForcedTool(request.Root), "stop");
        if (tool is not null)
        {
            text = Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(
                new Dictionary<string, string> { ["input"] = text }, EchoJsonContext.Default.DictionaryStringString));
            reason = "tool_calls";
        }

        var tokens = TokenCounter.Count(text);
        if (request.MaxTokens is { } limit && tokens > limit)
        {
            tokens = Math.Max(limit, 0);
            text = TokenCounter.Truncate(text, (int)tokens);
            reason = "length";
        }

        return new EchoAnswer(text, tool, reason, new TokenUsage(promptTokens, tokens));
    }

    // A tool forced by name, or "required" with at least one tool. With "auto" the echo answers in text.
    private static string? ForcedTool(JsonElement request)
    {
        if (!request.TryGetProperty("tool_choice", out var choice))
        {
            return null;
        }

        if (choice.ValueKind == JsonValueKind.Object)
        {
            return Name(choice);
        }

        return choice.ValueKind == JsonValueKind.String && JsonText.Of(choice) == "required"
            && request.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array && tools.GetArrayLength() > 0
            ? Name(tools[0])
            : null;
    }

    private static string? Name(JsonElement tool) =>
        tool.ValueKind == JsonValueKind.Object
        && tool.TryGetObject("function"u8, out var function)
        && function.TryGetString("name"u8, out var name)
            ? JsonText.Of(name)
            : null;

    private static string LastText(IEnumerable<JsonElement> messages)
    {
        foreach (var message in messages.Reverse())
        {
            if (JsonText.Of(message, "role"u8) is "user" or "tool" && message.TryGetProperty("content", out var content))
            {
                return JsonText.OfParts(content) ?? "";
            }
        }

        return "";
    }
}
