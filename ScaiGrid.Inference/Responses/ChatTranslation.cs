using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes a Responses request as a chat request.</summary>
internal static class ChatTranslation
{
    /// <summary>
    /// What both have under the same name. Not <c>metadata</c>, which stays with a response, and which OpenAI's chat refuses unless it is to
    /// store the answer.
    /// </summary>
    private static readonly string[] Alike =
    [
        "temperature", "top_p", "user", "parallel_tool_calls", "service_tier", "seed", "stop", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    ];

    public static PooledBytes Write(JsonRequest request, List<ErrorDetail> mistakes)
    {
        var body = new PooledBytes(request["input"].Length + 2048);
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, request.Model);
        writer.WriteStartArray("messages"u8);
        if (request.Text("instructions") is { Length: > 0 } instructions)
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, "system"u8);
            writer.WriteString("content"u8, instructions);
            writer.WriteEndObject();
        }

        using (var input = JsonDocument.Parse(request["input"]))
        {
            InputItems.Write(writer, input.RootElement, mistakes);
        }

        writer.WriteEndArray();
        Copy(writer, request, "stream", "stream");
        Copy(writer, request, "max_output_tokens", "max_completion_tokens");
        foreach (var name in Alike)
        {
            Copy(writer, request, name, name);
        }

        WriteObject(writer, request, "reasoning", static (writer, reasoning, _) => CopyProperty(writer, reasoning, "effort", "reasoning_effort"), mistakes);
        WriteObject(writer, request, "text", WriteText, mistakes);
        WriteTools(writer, request, mistakes);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void WriteText(Utf8JsonWriter writer, JsonElement text, List<ErrorDetail> mistakes)
    {
        CopyProperty(writer, text, "verbosity", "verbosity");
        if (!text.TryGetProperty("format"u8, out var format) || format.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        writer.WriteStartObject("response_format"u8);
        CopyProperty(writer, format, "type", "type");
        if (JsonText.Of(format, "type"u8) == "json_schema")
        {
            // Chat has the schema's fields one level deeper.
            writer.WriteStartObject("json_schema"u8);
            foreach (var name in (ReadOnlySpan<string>)["name", "description", "schema", "strict"])
            {
                CopyProperty(writer, format, name, name);
            }

            writer.WriteEndObject();
        }
        else if (JsonText.Of(format, "type"u8) is not ("text" or "json_object"))
        {
            mistakes.Add(new ErrorDetail("text.format.type", "must be one of text, json_object, json_schema."));
        }

        writer.WriteEndObject();
    }

    private static void WriteTools(Utf8JsonWriter writer, JsonRequest request, List<ErrorDetail> mistakes)
    {
        if (request.Has("tools"))
        {
            using var tools = JsonDocument.Parse(request["tools"]);
            if (tools.RootElement.GetArrayLength() > 0)
            {
                writer.WriteStartArray("tools"u8);
                var index = 0;
                foreach (var tool in tools.RootElement.EnumerateArray())
                {
                    WriteTool(writer, tool, index++, mistakes);
                }

                writer.WriteEndArray();
            }
        }

        if (!request.Has("tool_choice"))
        {
            return;
        }

        using var choice = JsonDocument.Parse(request["tool_choice"]);
        if (choice.RootElement.ValueKind == JsonValueKind.String)
        {
            Copy(writer, request, "tool_choice", "tool_choice");
        }
        else if (JsonText.Of(choice.RootElement, "type"u8) == "function")
        {
            writer.WritePropertyName("tool_choice"u8);
            WriteFunctionName(writer, choice.RootElement);
        }
        else if (JsonText.Of(choice.RootElement, "type"u8) == "allowed_tools")
        {
            WriteAllowedTools(writer, choice.RootElement, mistakes);
        }
        else
        {
            mistakes.Add(new ErrorDetail("tool_choice", "must be auto, none, required, a function, or allowed_tools."));
        }
    }

    private static void WriteAllowedTools(Utf8JsonWriter writer, JsonElement choice, List<ErrorDetail> mistakes)
    {
        if (!choice.TryGetProperty("tools"u8, out var tools) || tools.ValueKind != JsonValueKind.Array)
        {
            mistakes.Add(new ErrorDetail("tool_choice.tools", "must be an array."));
            return;
        }

        writer.WriteStartObject("tool_choice"u8);
        writer.WriteString("type"u8, "allowed_tools"u8);
        writer.WriteStartObject("allowed_tools"u8);
        CopyProperty(writer, choice, "mode", "mode");
        writer.WriteStartArray("tools"u8);
        var index = 0;
        foreach (var tool in tools.EnumerateArray())
        {
            var field = $"tool_choice.tools[{index++}]";
            if (tool.ValueKind != JsonValueKind.Object || JsonText.Of(tool, "type"u8) != "function")
            {
                mistakes.Add(new ErrorDetail($"{field}.type", "must be function."));
                continue;
            }

            WriteFunctionName(writer, tool);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteFunctionName(Utf8JsonWriter writer, JsonElement function)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        CopyProperty(writer, function, "name", "name");
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteTool(Utf8JsonWriter writer, JsonElement tool, int index, List<ErrorDetail> mistakes)
    {
        if (tool.ValueKind != JsonValueKind.Object || JsonText.Of(tool, "type"u8) != "function")
        {
            mistakes.Add(new ErrorDetail($"tools[{index}].type", "must be function: tools that OpenAI runs itself are not supported."));
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        foreach (var name in (ReadOnlySpan<string>)["name", "description", "parameters", "strict"])
        {
            CopyProperty(writer, tool, name, name);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteObject(
        Utf8JsonWriter writer, JsonRequest request, string name, Action<Utf8JsonWriter, JsonElement, List<ErrorDetail>> write, List<ErrorDetail> mistakes)
    {
        if (request.Has(name))
        {
            using var document = JsonDocument.Parse(request[name]);
            write(writer, document.RootElement, mistakes);
        }
    }

    private static void Copy(Utf8JsonWriter writer, JsonRequest request, string name, string chatName)
    {
        if (request.Has(name))
        {
            writer.WritePropertyName(chatName);
            writer.WriteRawValue(request[name].Span);
        }
    }

    private static void CopyProperty(Utf8JsonWriter writer, JsonElement element, string name, string chatName)
    {
        if (element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
        {
            writer.WritePropertyName(chatName);
            writer.WriteRawValue(value.GetRawText());
        }
    }
}
