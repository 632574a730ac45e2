using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes the tools and the tool choice of a Responses request as those of a chat request.</summary>
internal sealed class ToolTranslation(Utf8JsonWriter writer, ToolNamespaces namespaces, Mistakes mistakes)
{
    private bool _hasFunctions;

    /// <remarks>Without tools, chat rejects an empty list, a tool choice and <c>parallel_tool_calls</c>; the Responses API accepts all of them.</remarks>
    public void Write(JsonRequest request)
    {
        if (request.Has("tools"))
        {
            using var tools = JsonDocument.Parse(request["tools"]);
            WriteTools(tools.RootElement, "tools", group: null);
        }

        if (_hasFunctions)
        {
            writer.WriteEndArray();
            ChatTranslation.Copy(writer, request, "parallel_tool_calls");
        }

        if (request.Has("tool_choice") && _hasFunctions)
        {
            using var choice = JsonDocument.Parse(request["tool_choice"]);
            WriteChoice(choice.RootElement);
        }
        else if (request.Has("tool_choice") && request.Text("tool_choice") is not ("auto" or "none"))
        {
            mistakes.Add(new ErrorDetail("tool_choice", "must be auto or none where there are no tools."));
        }
    }

    private void WriteTools(JsonElement tools, string field, string? group)
    {
        foreach (var (i, tool) in tools.EnumerateArray().Index())
        {
            if (mistakes.IsFull)
            {
                break;
            }

            var place = $"{field}[{i}]";
            var type = tool.ValueKind == JsonValueKind.Object ? JsonText.Of(tool, "type"u8) : null;
            if (type == "function")
            {
                WriteFunction(tool, place, group);
            }
            else if (type == "namespace" && group is null)
            {
                WriteGroup(tool, place);
            }
            else
            {
                mistakes.Add(new ErrorDetail($"{place}.type", "must be function, or a namespace of functions: tools that OpenAI runs itself are not supported."));
            }
        }
    }

    private void WriteGroup(JsonElement group, string field)
    {
        if (JsonText.Of(group, "name"u8) is not { Length: > 0 } name)
        {
            mistakes.Add(new ErrorDetail($"{field}.name", "is required."));
        }
        else if (!group.TryGetProperty("tools"u8, out var tools) || tools.ValueKind != JsonValueKind.Array)
        {
            mistakes.Add(new ErrorDetail($"{field}.tools", "must be an array."));
        }
        else
        {
            WriteTools(tools, $"{field}.tools", name);
        }
    }

    private void WriteFunction(JsonElement tool, string field, string? group)
    {
        var name = JsonText.Of(tool, "name"u8);
        if (name is not null && !namespaces.TryAdd(group, name))
        {
            mistakes.Add(new ErrorDetail($"{field}.name", JsonProblems.Twice));
        }

        if (!_hasFunctions)
        {
            writer.WriteStartArray("tools"u8);
            _hasFunctions = true;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        if (name is not null)
        {
            writer.WriteString("name"u8, ToolNamespaces.Join(group, name));
        }

        tool.CopyTo(writer, "description"u8);
        tool.CopyTo(writer, "parameters"u8);
        tool.CopyTo(writer, "strict"u8);

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteChoice(JsonElement choice)
    {
        if (choice.ValueKind == JsonValueKind.String)
        {
            writer.WriteRaw("tool_choice"u8, choice);
            return;
        }

        switch (JsonText.Of(choice, "type"u8))
        {
            case "function":
                writer.WritePropertyName("tool_choice"u8);
                WriteChosen(choice);
                break;
            case "allowed_tools":
                WriteAllowed(choice);
                break;
            default:
                mistakes.Add(new ErrorDetail("tool_choice", "must be auto, none, required, a function, or allowed_tools."));
                break;
        }
    }

    private void WriteAllowed(JsonElement choice)
    {
        if (!choice.TryGetProperty("tools"u8, out var tools) || tools.ValueKind != JsonValueKind.Array)
        {
            mistakes.Add(new ErrorDetail("tool_choice.tools", "must be an array."));
            return;
        }

        writer.WriteStartObject("tool_choice"u8);
        writer.WriteString("type"u8, "allowed_tools"u8);
        writer.WriteStartObject("allowed_tools"u8);
        choice.CopyTo(writer, "mode"u8);
        writer.WriteStartArray("tools"u8);
        foreach (var (i, tool) in tools.EnumerateArray().Index())
        {
            if (tool.ValueKind == JsonValueKind.Object && JsonText.Of(tool, "type"u8) == "function")
            {
                WriteChosen(tool);
            }
            else
            {
                mistakes.Add(new ErrorDetail($"tool_choice.tools[{i}].type", "must be function."));
            }
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private void WriteChosen(JsonElement function)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        if (JsonText.Of(function, "name"u8) is { } name)
        {
            writer.WriteString("name"u8, ToolNamespaces.Join(JsonText.Of(function, "namespace"u8), name));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
