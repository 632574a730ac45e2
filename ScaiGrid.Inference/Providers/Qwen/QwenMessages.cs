using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>
/// The messages in Model Studio's dialect: audio is a data URL, there is no developer role, and files are not supported. An assistant's message must have
/// content, and its calls arguments that are JSON.
/// </summary>
internal static class QwenMessages
{
    public static void Write(RequestDocument request, Utf8JsonWriter writer)
    {
        writer.WriteStartArray("messages"u8);
        var index = 0;
        foreach (var message in request.Messages)
        {
            var isMute = IsMute(message);
            writer.WriteStartObject();
            foreach (var property in message.EnumerateObject().Where(property => !isMute || !property.NameEquals("content"u8)))
            {
                WriteField(request, writer, property, index);
            }

            if (isMute)
            {
                writer.WriteRaw("content"u8, RequestDocument.TryGetContent(message, out var refusal) ? refusal.Raw() : "\"\""u8);
            }

            writer.WriteEndObject();
            index++;
        }

        writer.WriteEndArray();
    }

    // The upstream has no field for refusals, which take the place of the content.
    private static bool IsMute(JsonElement message) => JsonText.Of(message, "role"u8) == "assistant"
        && (!message.TryGetProperty("content"u8, out var content) || content.ValueKind == JsonValueKind.Null
            || (content.ValueKind == JsonValueKind.String && content.ValueEquals(""u8)));

    private static void WriteField(RequestDocument request, Utf8JsonWriter writer, JsonProperty property, int index)
    {
        switch (property.Name)
        {
            case "extra_content" or "refusal":
                break;
            case "role" when property.Value.ValueKind == JsonValueKind.String && JsonText.Of(property.Value) == "developer":
                writer.WriteString("role"u8, "system"u8);
                break;
            case "tool_calls" when property.Value.ValueKind == JsonValueKind.Array:
                WriteCalls(writer, property.Value);
                break;
            case "content" when property.Value.ValueKind == JsonValueKind.Array:
                writer.WriteStartArray("content"u8);
                var position = 0;
                foreach (var part in property.Value.EnumerateArray())
                {
                    WritePart(request, writer, part, $"messages[{index}].content[{position++}]");
                }

                writer.WriteEndArray();
                break;
            default:
                writer.WriteProperty(property);
                break;
        }
    }

    private static void WriteCalls(Utf8JsonWriter writer, JsonElement calls)
    {
        writer.WriteStartArray("tool_calls"u8);
        foreach (var call in calls.EnumerateArray())
        {
            if (call.ValueKind != JsonValueKind.Object)
            {
                writer.WriteRawValue(call.Raw(), skipInputValidation: true);
                continue;
            }

            writer.WriteStartObject();
            foreach (var property in call.EnumerateObject().Where(property => !property.NameEquals("extra_content"u8)))
            {
                if (property.NameEquals("function"u8) && property.Value.ValueKind == JsonValueKind.Object && !HasJson(property.Value))
                {
                    WriteFunction(writer, property.Value);
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

    private static bool HasJson(JsonElement function)
    {
        if (JsonText.Of(function, "arguments"u8) is not { } text)
        {
            return false;
        }

        // What a model wrote may be deeper than the default.
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = int.MaxValue });
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // Models write nothing for a call without arguments, and an answer may be cut off within them.
    private static void WriteFunction(Utf8JsonWriter writer, JsonElement function)
    {
        writer.WriteStartObject("function"u8);
        foreach (var property in function.EnumerateObject().Where(property => !property.NameEquals("arguments"u8)))
        {
            writer.WriteProperty(property);
        }

        var text = JsonText.Of(function, "arguments"u8);
        JsonElement given = default;
        var isOther = text is null && function.TryGetProperty("arguments"u8, out given) && given.ValueKind != JsonValueKind.Null;
        writer.WriteString("arguments"u8, isOther ? given.GetRawText()
            : string.IsNullOrWhiteSpace(text) ? "{}"
            : $"{{\"arguments\":{JsonSerializer.Serialize(text, TranslationJson.Text)}}}");
        writer.WriteEndObject();
    }

    private static void WritePart(RequestDocument request, Utf8JsonWriter writer, JsonElement element, string path)
    {
        var type = element.ValueKind == JsonValueKind.Object ? JsonText.Of(element, "type"u8) : null;
        if (type == "file")
        {
            request.Refuse(path, "is a file, which this model does not accept.");
            return;
        }

        var part = type == "input_audio" ? ContentPart.Of(element) : default;
        if (part.Kind != PartKind.Audio)
        {
            writer.WriteRawValue(element.Raw(), skipInputValidation: true);
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, "input_audio"u8);
        writer.WriteStartObject("input_audio"u8);
        if (part.Url.Length > 0)
        {
            writer.WriteString("data"u8, part.Url);
        }
        else
        {
            writer.WriteString("data"u8, [.. "data:;base64,"u8, .. part.Base64]);
        }

        element.GetProperty("input_audio"u8).CopyTo(writer, "format"u8);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
