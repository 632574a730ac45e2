using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Writes the conversation as items: messages, calls and results are siblings.</summary>
internal sealed class OpenAiResponsesInput(RequestDocument request, Utf8JsonWriter writer, OpenAiResponsesModel model)
{
    private readonly OpenAiResponsesTurn _turn = new(request, writer, model);

    public void Write()
    {
        writer.WriteStartArray("input"u8);
        var index = 0;
        foreach (var message in request.Messages)
        {
            WriteMessage(message, index++);
        }

        writer.WriteEndArray();
    }

    private void WriteMessage(JsonElement message, int index)
    {
        switch (JsonText.Of(message, "role"u8))
        {
            case "assistant":
                _turn.Write(message, index);
                break;
            case "tool" or "function":
                writer.WriteStartObject();
                writer.WriteString("type"u8, "function_call_output"u8);
                message.CopyTo(writer, "tool_call_id"u8, "call_id"u8);
                WriteContent("output"u8, message, index);
                writer.WriteEndObject();
                break;
            default:
                writer.WriteStartObject();
                message.CopyTo(writer, "role"u8);
                WriteContent("content"u8, message, index);
                writer.WriteEndObject();
                break;
        }
    }

    private void WriteContent(ReadOnlySpan<byte> name, JsonElement message, int index)
    {
        if (!message.TryGetProperty("content"u8, out var content) || content.ValueKind != JsonValueKind.Array)
        {
            writer.WriteRaw(name, content.ValueKind == JsonValueKind.String ? content.Raw() : "\"\""u8);
            return;
        }

        writer.WriteStartArray(name);
        var position = 0;
        foreach (var part in content.EnumerateArray())
        {
            WritePart(part, $"messages[{index}].content[{position++}]");
        }

        writer.WriteEndArray();
    }

    private void WritePart(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            request.Refuse(path, "must be an object.");
            return;
        }

        var part = ContentPart.Of(element);
        writer.WriteStartObject();
        if (part.Kind == PartKind.Text)
        {
            writer.WriteString("type"u8, "input_text"u8);
            writer.WriteRaw("text"u8, part.Text);
        }
        else if (part.Kind == PartKind.Image)
        {
            WriteImage(element);
        }
        else if (element.TryGetObject("file"u8, out var file))
        {
            WriteFile(part, file);
        }
        else
        {
            request.Refuse(path, part.Kind == PartKind.Audio ? "is audio, which this model does not accept." : "is of a type that this model does not accept.");
        }

        element.CopyTo(writer, "prompt_cache_breakpoint"u8);
        writer.WriteEndObject();
    }

    private void WriteImage(JsonElement part)
    {
        writer.WriteString("type"u8, "input_image"u8);
        if (ContentPart.TryGetUrl(part, out var url))
        {
            writer.WriteRaw("image_url"u8, url);
        }

        writer.WriteString("detail"u8, part.TryGetObject("image_url"u8, out var image) && JsonText.Of(image, "detail"u8) is { } detail ? detail : "auto");
    }

    private void WriteFile(ContentPart part, JsonElement file)
    {
        writer.WriteString("type"u8, "input_file"u8);
        if (part.Url.Length > 0)
        {
            writer.WriteString("file_url"u8, part.Url);
            return;
        }

        file.CopyTo(writer, "file_data"u8);
        file.CopyTo(writer, "file_id"u8);
        file.CopyTo(writer, "filename"u8);
    }
}
