using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>The messages in Model Studio's dialect: audio is a data URL, there is no developer role, and files are not supported.</summary>
internal static class QwenMessages
{
    public static void Write(RequestDocument request, Utf8JsonWriter writer)
    {
        writer.WriteStartArray("messages"u8);
        var index = 0;
        foreach (var message in request.Messages)
        {
            writer.WriteStartObject();
            foreach (var property in message.EnumerateObject())
            {
                WriteField(request, writer, property, index);
            }

            writer.WriteEndObject();
            index++;
        }

        writer.WriteEndArray();
    }

    private static void WriteField(RequestDocument request, Utf8JsonWriter writer, JsonProperty property, int index)
    {
        switch (property.Name)
        {
            case "extra_content":
                break;
            case "role" when property.Value.ValueKind == JsonValueKind.String && property.Value.ValueEquals("developer"u8):
                writer.WriteString("role"u8, "system"u8);
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
