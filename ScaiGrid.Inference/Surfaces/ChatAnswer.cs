using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>A completion, normalised: text is one string, tool arguments are a string of valid JSON, finish reasons are a closed set.</summary>
/// <param name="Id">The upstream's id.</param>
/// <param name="Created">Unix seconds; 0 where the upstream gives none.</param>
/// <param name="Choices">In the upstream's order.</param>
public sealed record ChatAnswer(string Id, long Created, IReadOnlyList<ChatChoice> Choices)
{
    /// <param name="completion">A <c>chat.completion</c> document, or a <c>chat.completion.chunk</c>, whose deltas are read as messages.</param>
    public static ChatAnswer Parse(ReadOnlyMemory<byte> completion)
    {
        using var document = JsonDocument.Parse(completion);
        var root = document.RootElement;
        var created = root.TryGetProperty("created"u8, out var at) && at.ValueKind == JsonValueKind.Number && at.TryGetInt64(out var seconds) ? seconds : 0;
        var choices = root.GetProperty("choices"u8).EnumerateArray()
            .Where(choice => choice.ValueKind == JsonValueKind.Object)
            .Select((choice, index) => ChatChoice.Parse(choice, index));
        return new ChatAnswer(JsonText.Of(root, "id"u8) ?? "", created, [.. choices]);
    }
}

/// <param name="Index">Position among the choices.</param>
/// <param name="Role">Always <c>assistant</c> in practice.</param>
/// <param name="Content">The text; null in a message that only calls tools.</param>
/// <param name="Reasoning">The reasoning text, where the upstream shows it.</param>
/// <param name="ToolCalls">Empty when there are none.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>content_filter</c> or <c>error</c>; null inside a stream.</param>
public sealed record ChatChoice(int Index, string Role, string? Content, string? Reasoning, IReadOnlyList<ChatToolCall> ToolCalls, string? FinishReason)
{
    /// <summary>What the upstream wants back with the next turn, as JSON; null where there is nothing (docs/decisions/0016).</summary>
    public string? ExtraContent { get; private init; }

    /// <summary>The field that <see cref="Reasoning"/> stood in, which is the one that an upstream of our own format takes it back in.</summary>
    public string? ReasoningField { get; private init; }

    /// <summary>The reasoning in blocks, as JSON in the form of OpenRouter, which wants them back with the next turn; null where there are none.</summary>
    public string? ReasoningDetails { get; private init; }

    /// <summary>What the model says in place of an answer that it will not give; null where it gives one.</summary>
    public string? Refusal { get; internal init; }

    /// <summary>How likely each token was, as JSON in the upstream's form; null where it does not tell.</summary>
    public string? Logprobs { get; private init; }

    /// <summary>Where in the text sources are cited, as JSON in the upstream's form; null where there are none.</summary>
    public string? Annotations { get; private init; }

    /// <summary>What the model spoke, as JSON in the upstream's form; null where it did not.</summary>
    public string? Audio { get; private init; }

    internal static ChatChoice Parse(JsonElement choice, int position)
    {
        var isDelta = choice.TryGetProperty("delta"u8, out var message);
        if ((!isDelta && !choice.TryGetProperty("message"u8, out message)) || message.ValueKind != JsonValueKind.Object)
        {
            message = choice;
        }

        var index = choice.TryGetProperty("index"u8, out var given) && given.ValueKind == JsonValueKind.Number && given.TryGetInt32(out var number) ? number : position;
        var calls = message.TryGetProperty("tool_calls"u8, out var tools) && tools.ValueKind == JsonValueKind.Array
            ? tools.EnumerateArray().Where(call => call.ValueKind == JsonValueKind.Object).Select((call, at) => ChatToolCall.Parse(call, at, isDelta)).ToList()
            : [];
        var finish = JsonText.Of(choice, "finish_reason"u8) is { Length: > 0 } reason ? reason : null;
        var (reasoning, field) = JsonText.Of(message, "reasoning_content"u8) is { } own ? (own, "reasoning_content") : (JsonText.Of(message, "reasoning"u8), "reasoning");
        return new ChatChoice(
            index,
            JsonText.Of(message, "role"u8) ?? "assistant",
            message.TryGetProperty("content"u8, out var content) ? JsonText.OfParts(content) : null,
            reasoning,
            calls,
            isDelta && finish is null ? null : Normalise(finish, calls.Count > 0))
        {
            ExtraContent = JsonText.Raw(message, "extra_content"u8),
            ReasoningField = reasoning is null ? null : field,
            ReasoningDetails = JsonText.Raw(message, "reasoning_details"u8),
            Refusal = JsonText.Of(message, "refusal"u8),
            Logprobs = JsonText.Raw(choice, "logprobs"u8),
            Annotations = JsonText.Raw(message, "annotations"u8),
            Audio = JsonText.Raw(message, "audio"u8),
        };
    }

    // Names that OpenAI-compatible servers use for the five reasons.
    private static string Normalise(string? reason, bool hasToolCalls) => reason switch
    {
        "length" or "max_tokens" or "model_length" => "length",
        "tool_calls" or "function_call" or "tool_use" => "tool_calls",
        "content_filter" or "safety" => "content_filter",
        "error" => "error",
        null when hasToolCalls => "tool_calls",
        _ => "stop",
    };
}

/// <param name="Index">Position among the message's calls: what puts the fragments of a stream together.</param>
/// <param name="Id">Given by the upstream; null in later fragments of a stream.</param>
/// <param name="Name">The function; null in later fragments of a stream.</param>
/// <param name="Arguments">Valid JSON; a fragment of it in a stream.</param>
public sealed record ChatToolCall(int Index, string? Id, string? Name, string Arguments)
{
    /// <inheritdoc cref="ChatChoice.ExtraContent"/>
    public string? ExtraContent { get; private init; }

    /// <summary>The arguments as the model wrote them, which may have been stopped within.</summary>
    public string Written { get; private init; } = "";

    internal static ChatToolCall Parse(JsonElement call, int position, bool isDelta)
    {
        var index = call.TryGetProperty("index"u8, out var given) && given.ValueKind == JsonValueKind.Number && given.TryGetInt32(out var number) ? number : position;
        if (!call.TryGetProperty("function"u8, out var function) || function.ValueKind != JsonValueKind.Object)
        {
            return new ChatToolCall(index, JsonText.Of(call, "id"u8), null, isDelta ? "" : "{}");
        }

        var arguments = function.TryGetProperty("arguments"u8, out var value)
            ? value.ValueKind == JsonValueKind.String ? JsonText.Of(value) : value.GetRawText()
            : "";
        return new ChatToolCall(index, JsonText.Of(call, "id"u8), JsonText.Of(function, "name"u8), isDelta ? arguments : Valid(arguments))
        {
            ExtraContent = JsonText.Raw(call, "extra_content"u8),
            Written = arguments,
        };
    }

    private static string Valid(string arguments)
    {
        if (string.IsNullOrWhiteSpace(arguments))
        {
            return "{}";
        }

        try
        {
            using var document = JsonText.Parse(arguments);
            return arguments;
        }
        catch (JsonException)
        {
            // Not JSON, but still what the model said: kept as a JSON string.
            return JsonSerializer.Serialize(arguments, Pipeline.CanonicalJson.Default.String);
        }
    }
}
