using System.Buffers;
using System.Text.Json;

namespace ScaiGrid.Inference.Streaming;

/// <summary>The finish reasons of OpenAI-compatible servers, as the few that callers know.</summary>
internal static class FinishReasons
{
    /// <summary>The native surface's closed set.</summary>
    /// <param name="reason">The upstream's; null if there is none.</param>
    /// <param name="hasToolCalls">Whether the message calls tools.</param>
    public static string Normalise(string? reason, bool hasToolCalls) => reason switch
    {
        "length" or "max_tokens" or "model_length" => "length",
        "tool_calls" or "function_call" or "tool_use" => "tool_calls",
        "content_filter" or "safety" => "content_filter",
        "error" or "abort" or "insufficient_system_resource" => "error",
        null when hasToolCalls => "tool_calls",
        _ => "stop",
    };

    /// <summary>True if the server did not finish its answer: vLLM and SGLang say <c>abort</c>, DeepSeek <c>insufficient_system_resource</c>.</summary>
    public static bool IsAbort(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.String
        && (reader.ValueTextEquals("abort"u8) || reader.ValueTextEquals("insufficient_system_resource"u8));

    public static bool IsNative(ref Utf8JsonReader reader) => IsShared(ref reader) || (reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("error"u8));

    /// <summary>True if OpenAI's clients know it: some of them reject any other.</summary>
    public static bool IsOpenAi(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Null || IsShared(ref reader) || (reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("function_call"u8));

    /// <summary>The document with OpenAI's reasons only. An answer that failed is incomplete, which of these only <c>length</c> says.</summary>
    /// <param name="json">A chunk or a whole completion.</param>
    public static ReadOnlyMemory<byte> ToOpenAi(ReadOnlyMemory<byte> json) => Rewrite(json, keepsErrors: true, static choice =>
    {
        var reason = JsonText.Of(choice, "finish_reason"u8) is { Length: > 0 } given ? given : null;
        if (reason is "function_call" || (reason is null && choice.TryGetProperty("delta"u8, out _)))
        {
            return reason;
        }

        var ours = Normalise(reason, choice.TryGetObject("message"u8, out var message) && message.Items("tool_calls"u8).Any());
        return ours == "error" ? "length" : ours;
    });

    /// <summary>The chunk without its failure: clients would take it for the error and not read the text beside it.</summary>
    /// <param name="json">A chunk.</param>
    public static ReadOnlyMemory<byte> WithoutFailure(ReadOnlyMemory<byte> json) => Rewrite(json, keepsErrors: false, static _ => null);

    private static bool IsShared(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.String
        && (reader.ValueTextEquals("stop"u8) || reader.ValueTextEquals("length"u8) || reader.ValueTextEquals("tool_calls"u8) || reader.ValueTextEquals("content_filter"u8));

    private static ReadOnlyMemory<byte> Rewrite(ReadOnlyMemory<byte> json, bool keepsErrors, Func<JsonElement, string?> reasonOf)
    {
        using var document = JsonDocument.Parse(json);
        var rewritten = new ArrayBufferWriter<byte>(json.Length + 16);
        using (var writer = new Utf8JsonWriter(rewritten))
        {
            Write(writer, document.RootElement, keepsErrors, reasonOf);
        }

        return rewritten.WrittenMemory;
    }

    /// <param name="writer">Where to.</param>
    /// <param name="element">The document, or one of its choices.</param>
    /// <param name="keepsErrors">Whether properties named <c>error</c> stay.</param>
    /// <param name="reasonOf">The finish reason of a choice.</param>
    private static void Write(Utf8JsonWriter writer, JsonElement element, bool keepsErrors, Func<JsonElement, string?> reasonOf)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            writer.WriteRawValue(element.Raw(), skipInputValidation: true);
            return;
        }

        writer.WriteStartObject();
        foreach (var property in element.EnumerateObject().Where(property => keepsErrors || !property.NameEquals("error"u8)))
        {
            writer.WritePropertyName(property.Name);
            if (property.NameEquals("choices"u8) && property.Value.ValueKind == JsonValueKind.Array)
            {
                writer.WriteStartArray();
                foreach (var choice in property.Value.EnumerateArray())
                {
                    Write(writer, choice, keepsErrors, reasonOf);
                }

                writer.WriteEndArray();
            }
            else if (property.NameEquals("finish_reason"u8))
            {
                writer.WriteStringValue(reasonOf(element));
            }
            else
            {
                // As written: a text may end in half of a surrogate pair, which no string can be made of.
                writer.WriteRawValue(property.Value.Raw(), skipInputValidation: true);
            }
        }

        writer.WriteEndObject();
    }
}
