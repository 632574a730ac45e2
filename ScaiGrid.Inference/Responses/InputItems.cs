using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// Writes the items of a Responses request as chat messages. Function calls that follow each other are calls of one message, and so is the
/// assistant's text before them and between: one answer was both, and some upstreams take no call behind another message of the assistant,
/// nor one between a call and its result.
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
        var texts = new List<(int Index, JsonElement Item)>();
        foreach (var (i, item) in input.EnumerateArray().Index())
        {
            var type = item.ValueKind == JsonValueKind.Object ? JsonText.Of(item, "type"u8) ?? "message" : null;
            if (type == "function_call")
            {
                if (JsonText.Of(item, "call_id"u8) is not { Length: > 0 })
                {
                    mistakes.Add(new ErrorDetail($"input[{i}].call_id", "is required."));
                }

                calls.Add(item);
                continue;
            }

            // Reasoning has no place among chat messages, and stands between a message's calls.
            if (type == "reasoning")
            {
                continue;
            }

            var isAssistant = type == "message" && JsonText.Of(item, "role"u8) == "assistant";
            if (!isAssistant || calls.Count == 0)
            {
                WriteAssistant(writer, texts, calls, mistakes);
            }

            if (isAssistant)
            {
                texts.Add((i, item));
            }
            else
            {
                WriteItem(writer, item, type, $"input[{i}]", mistakes);
            }
        }

        WriteAssistant(writer, texts, calls, mistakes);
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
                WriteOutput(writer, item, field, mistakes);
                break;
            case "item_reference":
                mistakes.Add(new ErrorDetail(
                    $"{field}.type", "must not be item_reference: nothing is stored here, so send the item itself. Client libraries that send references do not where store is false."));
                break;
            case null:
                mistakes.Add(new ErrorDetail(field, "must be an object."));
                break;
            default:
                mistakes.Add(new ErrorDetail($"{field}.type", "must be one of message, function_call, function_call_output, reasoning."));
                break;
        }
    }

    /// <summary>What a tool said: to a call, or unasked, which a chat has no place for but among what the user says.</summary>
    private static void WriteOutput(Utf8JsonWriter writer, JsonElement item, string field, List<ErrorDetail> mistakes)
    {
        if (JsonText.Of(item, "call_id"u8) is { Length: > 0 } call)
        {
            BeginMessage(writer, "tool");
            writer.WriteString("tool_call_id"u8, call);
            WriteContent(writer, item, "output", field, mistakes);
            writer.WriteEndObject();
        }
        else if (JsonText.Of(item, "name"u8) is { Length: > 0 } name)
        {
            BeginMessage(writer, "user");
            writer.WriteString("content"u8, $"Output of {ToolNamespaces.Join(JsonText.Of(item, "namespace"u8), name)}, which was not called:");
            writer.WriteEndObject();
            BeginMessage(writer, "user");
            WriteContent(writer, item, "output", field, mistakes);
            writer.WriteEndObject();
        }
        else
        {
            mistakes.Add(new ErrorDetail($"{field}.call_id", "is required, but of the output of a tool that has a name and was not called."));
        }
    }

    /// <summary>Writes what the assistant said and called since the last other message, if anything.</summary>
    private static void WriteAssistant(Utf8JsonWriter writer, List<(int Index, JsonElement Item)> texts, List<JsonElement> calls, List<ErrorDetail> mistakes)
    {
        if (texts.Count == 0 && calls.Count == 0)
        {
            return;
        }

        BeginMessage(writer, "assistant");
        switch (texts)
        {
            case []:
                writer.WriteNull("content"u8);
                break;
            case [var (index, item)]:
                WriteContent(writer, item, "content", $"input[{index}]", mistakes);
                break;
            default:
                writer.WriteStartArray("content"u8);
                foreach (var (index, item) in texts)
                {
                    if (TryGetContent(item, "content", $"input[{index}]", mistakes, out var content))
                    {
                        WriteParts(writer, content, $"input[{index}].content", mistakes);
                    }
                }

                writer.WriteEndArray();
                break;
        }

        if (calls.Count > 0)
        {
            WriteCalls(writer, calls);
        }

        writer.WriteEndObject();
        texts.Clear();
        calls.Clear();
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
            writer.WriteString("name"u8, ToolNamespaces.Join(JsonText.Of(call, "namespace"u8), JsonText.Of(call, "name"u8) ?? ""));
            writer.WriteString("arguments"u8, JsonText.Of(call, "arguments"u8));
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteContent(Utf8JsonWriter writer, JsonElement item, string name, string field, List<ErrorDetail> mistakes)
    {
        if (!TryGetContent(item, name, field, mistakes, out var content))
        {
            return;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            writer.WriteString("content"u8, JsonText.Of(content));
            return;
        }

        writer.WriteStartArray("content"u8);
        WriteParts(writer, content, $"{field}.{name}", mistakes);
        writer.WriteEndArray();
    }

    private static bool TryGetContent(JsonElement item, string name, string field, List<ErrorDetail> mistakes, out JsonElement content)
    {
        if (item.TryGetProperty(name, out content) && content.ValueKind is JsonValueKind.String or JsonValueKind.Array)
        {
            return true;
        }

        mistakes.Add(new ErrorDetail($"{field}.{name}", "must be a string or an array of parts."));
        return false;
    }

    private static void WriteParts(Utf8JsonWriter writer, JsonElement content, string field, List<ErrorDetail> mistakes)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "text"u8);
            writer.WriteString("text"u8, JsonText.Of(content));
            writer.WriteEndObject();
            return;
        }

        foreach (var (i, part) in content.EnumerateArray().Index())
        {
            WritePart(writer, part, $"{field}[{i}]", mistakes);
        }
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
