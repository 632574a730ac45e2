using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// Writes the items of a Responses request as chat messages. Function calls that follow each other are calls of one message, and of the
/// assistant's text before them: one answer was both, and some upstreams take no call behind another message of the assistant.
/// </summary>
internal static class InputItems
{
    public static void Write(Utf8JsonWriter writer, JsonElement input, List<ErrorDetail> mistakes)
    {
        if (input.ValueKind == JsonValueKind.String)
        {
            BeginMessage(writer, "user");
            writer.WriteString("content"u8, JsonText.Of(input));
            writer.WriteEndObject();
            return;
        }

        var calls = new List<JsonElement>();
        var isOpen = false;
        foreach (var (i, item) in input.EnumerateArray().Index())
        {
            var type = item.ValueKind == JsonValueKind.Object ? JsonText.Of(item, "type"u8) ?? "message" : null;
            if (type == "function_call")
            {
                calls.Add(item);
                continue;
            }

            // Reasoning has no place among chat messages, and stands between a message's calls.
            if (type == "reasoning")
            {
                continue;
            }

            EndAssistant(writer, calls, isOpen);
            isOpen = type == "message" && JsonText.Of(item, "role"u8) == "assistant";
            if (isOpen)
            {
                BeginMessage(writer, "assistant");
                WriteContent(writer, item, "content", $"input[{i}]", mistakes);
            }
            else
            {
                WriteItem(writer, item, type, $"input[{i}]", mistakes);
            }
        }

        EndAssistant(writer, calls, isOpen);
    }

    private static void WriteItem(Utf8JsonWriter writer, JsonElement item, string? type, string field, List<ErrorDetail> mistakes)
    {
        switch (type)
        {
            case "message":
                // Only OpenAI's own models know the role of a developer; to all others it is the system's.
                var role = JsonText.Of(item, "role"u8);
                BeginMessage(writer, role == "developer" ? "system" : role ?? "");
                if (role is not ("user" or "assistant" or "system" or "developer"))
                {
                    mistakes.Add(new ErrorDetail($"{field}.role", "must be one of user, assistant, system, developer."));
                }

                WriteContent(writer, item, "content", field, mistakes);
                writer.WriteEndObject();
                break;
            case "function_call_output":
                BeginMessage(writer, "tool");
                writer.WriteString("tool_call_id"u8, JsonText.Of(item, "call_id"u8));
                WriteContent(writer, item, "output", field, mistakes);
                writer.WriteEndObject();
                break;
            case null:
                mistakes.Add(new ErrorDetail(field, "must be an object."));
                break;
            default:
                mistakes.Add(new ErrorDetail($"{field}.type", "must be one of message, function_call, function_call_output, reasoning."));
                break;
        }
    }

    /// <summary>Ends the assistant's message with the calls that belong to it, or writes one of the calls alone.</summary>
    private static void EndAssistant(Utf8JsonWriter writer, List<JsonElement> calls, bool isOpen)
    {
        if (!isOpen && calls.Count > 0)
        {
            BeginMessage(writer, "assistant");
            writer.WriteNull("content"u8);
        }

        if (calls.Count > 0)
        {
            WriteCalls(writer, calls);
            calls.Clear();
        }
        else if (!isOpen)
        {
            return;
        }

        writer.WriteEndObject();
    }

    private static void WriteCalls(Utf8JsonWriter writer, List<JsonElement> calls)
    {
        writer.WriteStartArray("tool_calls"u8);
        foreach (var call in calls)
        {
            writer.WriteStartObject();
            writer.WriteString("id"u8, JsonText.Of(call, "call_id"u8));
            writer.WriteString("type"u8, "function"u8);
            writer.WriteStartObject("function"u8);
            writer.WriteString("name"u8, JsonText.Of(call, "name"u8));
            writer.WriteString("arguments"u8, JsonText.Of(call, "arguments"u8));
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteContent(Utf8JsonWriter writer, JsonElement item, string name, string field, List<ErrorDetail> mistakes)
    {
        if (!item.TryGetProperty(name, out var content) || content.ValueKind is not (JsonValueKind.String or JsonValueKind.Array))
        {
            mistakes.Add(new ErrorDetail($"{field}.{name}", "must be a string or an array of parts."));
            return;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            writer.WriteString("content"u8, JsonText.Of(content));
            return;
        }

        writer.WriteStartArray("content"u8);
        foreach (var (i, part) in content.EnumerateArray().Index())
        {
            WritePart(writer, part, $"{field}.{name}[{i}]", mistakes);
        }

        writer.WriteEndArray();
    }

    private static void WritePart(Utf8JsonWriter writer, JsonElement part, string field, List<ErrorDetail> mistakes)
    {
        writer.WriteStartObject();
        switch (part.ValueKind == JsonValueKind.Object ? JsonText.Of(part, "type"u8) : null)
        {
            case "input_text" or "output_text" or "text":
                writer.WriteString("type"u8, "text"u8);
                writer.WriteString("text"u8, JsonText.Of(part, "text"u8) ?? "");
                break;
            case "refusal":
                writer.WriteString("type"u8, "text"u8);
                writer.WriteString("text"u8, JsonText.Of(part, "refusal"u8) ?? "");
                break;
            case "input_image" when JsonText.Of(part, "image_url"u8) is { } url:
                writer.WriteString("type"u8, "image_url"u8);
                writer.WriteStartObject("image_url"u8);
                writer.WriteString("url"u8, url);
                if (JsonText.Of(part, "detail"u8) is { } detail)
                {
                    writer.WriteString("detail"u8, detail);
                }

                writer.WriteEndObject();
                break;
            case "input_file" when JsonText.Of(part, "file_data"u8) is { } data:
                writer.WriteString("type"u8, "file"u8);
                writer.WriteStartObject("file"u8);
                writer.WriteString("filename"u8, JsonText.Of(part, "filename"u8) ?? "file");
                writer.WriteString("file_data"u8, data);
                writer.WriteEndObject();
                break;
            case "input_audio" when part.TryGetProperty("input_audio"u8, out var audio):
                writer.WriteString("type"u8, "input_audio"u8);
                writer.WritePropertyName("input_audio"u8);
                writer.WriteRawValue(audio.GetRawText());
                break;
            default:
                mistakes.Add(new ErrorDetail(
                    field, "must be a part of type input_text, output_text, input_image (with image_url), input_file (with file_data) or input_audio."));
                break;
        }

        writer.WriteEndObject();
    }

    private static void BeginMessage(Utf8JsonWriter writer, string role)
    {
        writer.WriteStartObject();
        writer.WriteString("role"u8, role);
    }
}
