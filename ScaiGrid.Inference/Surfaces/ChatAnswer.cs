using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>A normalised completion: text is one string, tool arguments are a string of valid JSON, finish reasons are a closed set.</summary>
/// <param name="Id">The upstream's id.</param>
/// <param name="Created">Unix seconds; 0 if the upstream gives none.</param>
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
/// <param name="Reasoning">The reasoning text, if the upstream shows it.</param>
/// <param name="ToolCalls">Empty if there are none.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>content_filter</c> or <c>error</c>; null inside a stream.</param>
public sealed record ChatChoice(int Index, string Role, string? Content, string? Reasoning, IReadOnlyList<ChatToolCall> ToolCalls, string? FinishReason)
{
    /// <summary>Provider state that the upstream requires back with the next turn, as JSON; null if there is none (docs/decisions/0016).</summary>
    public string? ExtraContent { get; private init; }

    /// <summary>The field that <see cref="Reasoning"/> was read from; an OpenAI-compatible upstream accepts it back in the same field only.</summary>
    public string? ReasoningField { get; private init; }

    /// <summary>Whether the surfaces that have one name for reasoning name it otherwise than the upstream.</summary>
    public bool IsRenamed => ReasoningField == "reasoning_content";

    /// <summary>Reasoning blocks as JSON in OpenRouter's form, which it requires back with the next turn; null if there are none.</summary>
    public string? ReasoningDetails { get; private init; }

    /// <summary>The model's refusal to answer; null if it answers.</summary>
    public string? Refusal { get; internal init; }

    /// <summary>Token log probabilities, as JSON in the upstream's form; null if it returns none.</summary>
    public string? Logprobs { get; private init; }

    /// <summary>Citations of sources, as JSON in the upstream's form; null if there are none.</summary>
    public string? Annotations { get; private init; }

    /// <summary>The model's spoken answer, as JSON in the upstream's form; null if there is none.</summary>
    public string? Audio { get; private init; }

    /// <summary>
    /// <see cref="ExtraContent"/>, or else the mark by which the model gets renamed reasoning back under its own name. An upstream with provider
    /// state of its own takes that back, not the text.
    /// </summary>
    public string MarkedExtraContent(Backend backend) => ExtraContent ?? RenamedReasoning.MarkOf(CarriedField.MakerOf(backend.Model));

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
            isDelta && finish is null ? null : FinishReasons.Normalise(finish, calls.Count > 0))
        {
            ExtraContent = JsonText.OneLine(message, "extra_content"u8),
            ReasoningField = reasoning is null ? null : field,
            ReasoningDetails = JsonText.OneLine(message, "reasoning_details"u8),
            Refusal = JsonText.Of(message, "refusal"u8),
            Logprobs = JsonText.OneLine(choice, "logprobs"u8),
            Annotations = JsonText.OneLine(message, "annotations"u8),
            Audio = JsonText.OneLine(message, "audio"u8),
        };
    }
}

/// <param name="Index">Position among the message's calls; the fragments of a stream are joined by it.</param>
/// <param name="Id">Given by the upstream; null in later fragments of a stream.</param>
/// <param name="Name">The function; null in later fragments of a stream.</param>
/// <param name="Arguments">Valid JSON; a fragment of it in a stream.</param>
public sealed record ChatToolCall(int Index, string? Id, string? Name, string Arguments)
{
    /// <inheritdoc cref="ChatChoice.ExtraContent"/>
    public string? ExtraContent { get; private init; }

    /// <summary>The arguments as the model wrote them; incomplete if the output was cut off.</summary>
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
            ExtraContent = JsonText.OneLine(call, "extra_content"u8),
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
            // Not JSON, but still the model's output: kept as a JSON string.
            return JsonSerializer.Serialize(arguments, CanonicalJson.Default.String);
        }
    }
}
