using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Writes an assistant's message as its original items if it carries their order; otherwise its text, then its calls.</summary>
/// <param name="request">The caller's request.</param>
/// <param name="writer">The writer for the items.</param>
/// <param name="model">The model, which determines whose reasoning can be sent back.</param>
internal sealed class OpenAiResponsesTurn(RequestDocument request, Utf8JsonWriter writer, OpenAiResponsesModel model)
{
    // Written together with the next item: reasoning that nothing follows is rejected.
    private readonly List<JsonElement> _thoughts = [];

    /// <param name="message">The assistant's message.</param>
    /// <param name="index">The message's index.</param>
    public void Write(JsonElement message, int index)
    {
        using var text = new PooledBytes(256);
        ReadText(message, index, text);
        var items = OpenAiResponsesItems.Of(message, model.BackendId);

        // A text that was edited since is not split.
        var lengths = items.Where(IsMessage).Select(Length).ToList();
        var isWhole = lengths.Exists(length => length < 0) || lengths.Sum(length => (long)length) != JsonCharacters.Count(text.Span);
        using var calls = message.Items("tool_calls"u8).GetEnumerator();
        var at = 0;
        foreach (var item in items)
        {
            switch (JsonText.Of(item, "type"u8))
            {
                case "reasoning" when model.TakesThoughts && JsonText.Of(item, "encrypted_content"u8) is not null:
                    _thoughts.Add(item);
                    break;
                case "message":
                    var end = isWhole ? text.Length : at + JsonCharacters.Length(text.Span[at..], Length(item));
                    WriteText(text.Span[at..end], item);
                    at = end;
                    break;
                case "function_call" when calls.MoveNext():
                    WriteCall(calls.Current);
                    break;
            }
        }

        // Whatever the items do not list: a message may have been assembled from several, or come from elsewhere.
        WriteText(text.Span[at..], item: default);
        while (calls.MoveNext())
        {
            WriteCall(calls.Current);
        }

        _thoughts.Clear();
    }

    private static bool IsMessage(JsonElement item) => JsonText.Of(item, "type"u8) == "message";

    private static int Length(JsonElement item) =>
        item.TryGetProperty("length"u8, out var length) && length.ValueKind == JsonValueKind.Number && length.TryGetInt32(out var characters) ? characters : -1;

    // The content of a JSON string, without its quotes.
    private void ReadText(JsonElement message, int index, PooledBytes text)
    {
        if (!RequestDocument.TryGetContent(message, out var content))
        {
            return;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            text.Append(content.RawInner());
            return;
        }

        var position = 0;
        foreach (var element in content.EnumerateArray())
        {
            var part = element.ValueKind == JsonValueKind.Object ? ContentPart.Of(element) : default;
            if (element.ValueKind == JsonValueKind.Object && part.Kind == PartKind.Text)
            {
                text.Append(part.Text[1..^1]);
            }
            else
            {
                request.Refuse($"messages[{index}].content[{position}]", "is not text, which is all that this model accepts from an assistant.");
            }

            position++;
        }
    }

    private void WriteText(ReadOnlySpan<byte> inner, JsonElement item)
    {
        if (inner.IsEmpty)
        {
            return;
        }

        WriteThoughts();
        writer.WriteStartObject();
        writer.WriteString("role"u8, "assistant"u8);
        writer.WriteRaw("content"u8, [(byte)'"', .. inner, (byte)'"']);
        if (item.ValueKind == JsonValueKind.Object)
        {
            item.CopyTo(writer, "phase"u8);
        }

        writer.WriteEndObject();
    }

    private void WriteCall(JsonElement call)
    {
        if (!call.TryGetObject("function"u8, out var function))
        {
            return;
        }

        WriteThoughts();
        writer.WriteStartObject();
        writer.WriteString("type"u8, "function_call"u8);
        call.CopyTo(writer, "id"u8, "call_id"u8);
        function.CopyTo(writer, "name"u8);
        if (function.TryGetString("arguments"u8, out var arguments))
        {
            writer.WriteRaw("arguments"u8, arguments);
        }
        else
        {
            writer.WriteString("arguments"u8, function.TryGetObject("arguments"u8, out arguments) ? arguments.Raw() : "{}"u8);
        }

        writer.WriteEndObject();
    }

    private void WriteThoughts()
    {
        foreach (var thought in _thoughts)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "reasoning"u8);
            thought.CopyTo(writer, "id"u8);
            writer.WriteRaw("summary"u8, thought.TryGetProperty("summary"u8, out var summary) && summary.ValueKind == JsonValueKind.Array ? summary.Raw() : "[]"u8);
            thought.CopyTo(writer, "encrypted_content"u8);
            writer.WriteEndObject();
        }

        _thoughts.Clear();
    }
}
