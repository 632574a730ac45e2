using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes the content of Responses items as content of chat messages.</summary>
internal sealed class InputContent(Utf8JsonWriter writer, Mistakes mistakes)
{
    /// <summary>Writes a property of an item as a message's <c>content</c>.</summary>
    /// <param name="item">A message or a tool output.</param>
    /// <param name="name">The property's name.</param>
    /// <param name="field">The item's path in the request.</param>
    public void Write(JsonElement item, string name, string field)
    {
        if (!TryGet(item, name, field, out var content))
        {
            return;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            writer.WriteRaw("content"u8, content);
            return;
        }

        writer.WriteStartArray("content"u8);
        WriteParts(content, $"{field}.{name}");
        writer.WriteEndArray();
    }

    /// <summary>Writes a property of an item as parts of the content array that is open.</summary>
    /// <inheritdoc cref="Write"/>
    public void WriteParts(JsonElement item, string name, string field)
    {
        if (TryGet(item, name, field, out var content))
        {
            WriteParts(content, $"{field}.{name}");
        }
    }

    private bool TryGet(JsonElement item, string name, string field, out JsonElement content)
    {
        if (item.TryGetProperty(name, out content) && content.ValueKind is JsonValueKind.String or JsonValueKind.Array)
        {
            return true;
        }

        mistakes.Add(new ErrorDetail($"{field}.{name}", "must be a string or an array of parts."));
        return false;
    }

    private void WriteParts(JsonElement content, string field)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "text"u8);
            writer.WriteRaw("text"u8, content);
            writer.WriteEndObject();
            return;
        }

        foreach (var (i, part) in content.EnumerateArray().Index())
        {
            if (mistakes.IsFull)
            {
                break;
            }

            WritePart(part, $"{field}[{i}]");
        }
    }

    private void WritePart(JsonElement part, string field)
    {
        writer.WriteStartObject();
        switch (part.ValueKind == JsonValueKind.Object ? JsonText.Of(part, "type"u8) : null)
        {
            case "input_text" or "output_text" or "text":
                writer.WriteString("type"u8, "text"u8);
                writer.WriteRaw("text"u8, part.RawText("text"u8));
                break;
            case "refusal":
                writer.WriteString("type"u8, "text"u8);
                writer.WriteRaw("text"u8, part.RawText("refusal"u8));
                break;
            case "input_image" when part.TryGetString("image_url"u8, out var url):
                writer.WriteString("type"u8, "image_url"u8);
                writer.WriteStartObject("image_url"u8);
                writer.WriteRaw("url"u8, url);
                if (part.TryGetString("detail"u8, out var detail))
                {
                    writer.WriteRaw("detail"u8, detail);
                }

                writer.WriteEndObject();
                break;
            case "input_image" when part.TryGetString("file_id"u8, out _):
                mistakes.Add(new ErrorDetail($"{field}.file_id", "is not supported: send the picture as image_url, a URL or a data URL."));
                break;
            case "input_file" when part.TryGetString("file_data"u8, out var data):
                WriteFile(part, "file_data"u8, data, name: "file");
                break;
            case "input_file" when part.TryGetString("file_url"u8, out var address):
                if (!IsHttp(JsonText.Of(address)))
                {
                    mistakes.Add(new ErrorDetail($"{field}.file_url", "must be an http or https URL."));
                }

                // Chat has no field for a file's URL; upstreams that accept URLs accept them here.
                WriteFile(part, "file_data"u8, address);
                break;
            case "input_file" when part.TryGetString("file_id"u8, out var id):
                WriteFile(part, "file_id"u8, id);
                break;
            case "input_audio" when part.TryGetProperty("input_audio"u8, out var audio):
                writer.WriteString("type"u8, "input_audio"u8);
                writer.WriteRaw("input_audio"u8, audio);
                break;
            default:
                mistakes.Add(new ErrorDetail(
                    field, "must be a part of type input_text, output_text, input_image (with image_url), input_file (with file_data, file_url or file_id) or input_audio."));
                break;
        }

        writer.WriteEndObject();
    }

    // OpenAI's chat API requires a file name with file data.
    private void WriteFile(JsonElement part, ReadOnlySpan<byte> field, JsonElement value, string? name = null)
    {
        writer.WriteString("type"u8, "file"u8);
        writer.WriteStartObject("file"u8);
        if (part.TryGetString("filename"u8, out var given))
        {
            writer.WriteRaw("filename"u8, given);
        }
        else if (name is not null)
        {
            writer.WriteString("filename"u8, name);
        }

        writer.WriteRaw(field, value);
        writer.WriteEndObject();
    }

    private static bool IsHttp(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps);
}
