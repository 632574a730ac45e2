using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>
/// Translates Mistral's answers and chunks. They are OpenAI's with three differences: content may be a list that includes the thinking, tool
/// calls may lack their type, and there are two finish reasons of its own. What needs no change is not rewritten.
/// </summary>
internal static class MistralAnswer
{
    /// <param name="answer">A whole answer, or a chunk.</param>
    /// <param name="failed">Set if the model failed instead of finishing.</param>
    /// <returns>The document in OpenAI's format; null if it already is.</returns>
    public static PooledBytes? Translate(JsonElement answer, out UpstreamError? failed)
    {
        failed = null;
        var choices = answer.Items("choices"u8).ToList();
        if (choices.Exists(choice => JsonText.Of(choice, "finish_reason"u8) == "error"))
        {
            failed = new UpstreamError(UpstreamFailure.ErrorEvent, "The model failed.");
            return null;
        }

        return choices.Exists(NeedsChange) ? Write(answer, choices) : null;
    }

    private static bool NeedsChange(JsonElement choice) =>
        JsonText.Of(choice, "finish_reason"u8) == "model_length"
        || (Message(choice, out var message) && (
            (message.TryGetProperty("content"u8, out var content) && content.ValueKind == JsonValueKind.Array)
            || message.Items("tool_calls"u8).Any(IsForeignCall)));

    private static bool Message(JsonElement choice, out JsonElement message) =>
        choice.TryGetObject("delta"u8, out message) || choice.TryGetObject("message"u8, out message);

    // OpenAI's client libraries require the type.
    private static bool IsForeignCall(JsonElement call) =>
        call.TryGetObject("function"u8, out var function) && (!call.TryGetProperty("type"u8, out _) || HasObjectArguments(function));

    private static bool HasObjectArguments(JsonElement function) => function.TryGetObject("arguments"u8, out _);

    private static PooledBytes Write(JsonElement answer, List<JsonElement> choices)
    {
        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        writer.WriteStartObject();
        foreach (var property in answer.EnumerateObject())
        {
            if (property.NameEquals("choices"u8))
            {
                writer.WriteStartArray("choices"u8);
                foreach (var choice in choices)
                {
                    WriteChoice(writer, choice);
                }

                writer.WriteEndArray();
            }
            else
            {
                writer.WriteProperty(property);
            }
        }

        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void WriteChoice(Utf8JsonWriter writer, JsonElement choice)
    {
        writer.WriteStartObject();
        foreach (var property in choice.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Object && (property.NameEquals("message"u8) || property.NameEquals("delta"u8)))
            {
                writer.WritePropertyName(property.Name);
                WriteMessage(writer, property.Value);
            }
            else if (property.NameEquals("finish_reason"u8) && property.Value.ValueKind == JsonValueKind.String && property.Value.ValueEquals("model_length"u8))
            {
                writer.WriteString("finish_reason"u8, "length"u8);
            }
            else
            {
                writer.WriteProperty(property);
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteMessage(Utf8JsonWriter writer, JsonElement message)
    {
        writer.WriteStartObject();
        foreach (var property in message.EnumerateObject())
        {
            if (property.NameEquals("content"u8) && property.Value.ValueKind == JsonValueKind.Array)
            {
                WriteContent(writer, property.Value);
            }
            else if (property.NameEquals("tool_calls"u8) && property.Value.ValueKind == JsonValueKind.Array)
            {
                WriteCalls(writer, property.Value);
            }
            else
            {
                writer.WriteProperty(property);
            }
        }

        writer.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter writer, JsonElement chunks)
    {
        using var text = new PooledBytes(256);
        using var thinking = new PooledBytes(256);
        foreach (var chunk in chunks.EnumerateArray().Where(chunk => chunk.ValueKind == JsonValueKind.Object))
        {
            Append(text, chunk);
            foreach (var thought in chunk.Items("thinking"u8))
            {
                Append(thinking, thought);
            }
        }

        if (text.Length > 0 || thinking.Length == 0)
        {
            WriteText(writer, "content"u8, text);
        }

        if (thinking.Length > 0)
        {
            WriteText(writer, "reasoning_content"u8, thinking);
        }
    }

    private static void Append(PooledBytes output, JsonElement chunk)
    {
        if (chunk.TryGetString("text"u8, out var text))
        {
            output.Append(text.RawInner());
        }
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, PooledBytes inner)
    {
        using var quoted = new PooledBytes(inner.Length + 2);
        quoted.Append("\""u8);
        quoted.Append(inner.Span);
        quoted.Append("\""u8);
        writer.WriteRaw(name, quoted.Span);
    }

    private static void WriteCalls(Utf8JsonWriter writer, JsonElement calls)
    {
        writer.WriteStartArray("tool_calls"u8);
        foreach (var call in calls.EnumerateArray())
        {
            if (call.ValueKind != JsonValueKind.Object || !IsForeignCall(call))
            {
                writer.WriteRawValue(call.Raw(), skipInputValidation: true);
                continue;
            }

            writer.WriteStartObject();
            if (!call.TryGetProperty("type"u8, out _))
            {
                writer.WriteString("type"u8, "function"u8);
            }

            foreach (var property in call.EnumerateObject())
            {
                if (property.NameEquals("function"u8) && HasObjectArguments(property.Value))
                {
                    writer.WriteStartObject("function"u8);
                    property.Value.CopyTo(writer, "name"u8);
                    writer.WriteString("arguments"u8, property.Value.GetProperty("arguments"u8).GetRawText());
                    writer.WriteEndObject();
                }
                else
                {
                    writer.WriteProperty(property);
                }
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
