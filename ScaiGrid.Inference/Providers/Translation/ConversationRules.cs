using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Checks what upstreams of OpenAI's format validate themselves and a translation would silently change.</summary>
internal static class ConversationRules
{
    /// <summary>A user message inserted before an assistant's opening message (often a greeting), for formats in which the user starts.</summary>
    public const string Beginning = "(The assistant speaks first.)";

    /// <summary>A user message appended after an assistant's last message if the model cannot continue it by itself.</summary>
    public const string Going = "(Go on exactly where your last message ends, without repeating any of it.)";

    public static void Check(RequestDocument request)
    {
        if (request.Root.Items("functions"u8).Any())
        {
            request.Refuse("functions", "is the deprecated form of tools, which this model does not support: send tools.");
        }

        if (request.Root.Items("modalities"u8, JsonValueKind.String).Any(modality => JsonText.Of(modality) != "text"))
        {
            request.Refuse("modalities", "asks for output other than text, which this model does not support.");
        }

        if (request.Root.TryGetProperty("web_search_options"u8, out var search) && search.ValueKind != JsonValueKind.Null)
        {
            request.Refuse("web_search_options", "is not supported by this model.");
        }

        CheckFunctions(request, request.Root, "tools"u8, "tools");
        CheckMessages(request);
        CheckChoice(request);
        CheckFormat(request);
    }

    /// <summary>For formats that express the effort in words or budgets of their own, where an unknown one would be taken for another.</summary>
    public static void CheckEffort(RequestDocument request)
    {
        if (request.Effort is not (null or "none" or "minimal" or "low" or "medium" or "high" or "xhigh" or "max"))
        {
            request.Refuse("reasoning_effort", "must be one of none, minimal, low, medium, high, xhigh, max.");
        }
    }

    private static void CheckMessages(RequestDocument request)
    {
        var index = 0;
        foreach (var message in request.Messages)
        {
            if (message.TryGetObject("function_call"u8, out _))
            {
                request.Refuse($"messages[{index}].function_call", "is the deprecated form of tool_calls, which this model does not support.");
            }

            CheckFunctions(request, message, "tool_calls"u8, $"messages[{index}].tool_calls");
            switch (JsonText.Of(message, "role"u8))
            {
                case "system" or "developer" or "user" or "assistant":
                    break;
                case "tool" or "function":
                    if (JsonText.Of(message, "tool_call_id"u8) is null or "")
                    {
                        request.Refuse($"messages[{index}].tool_call_id", "is required: a tool result must name the call that it answers.");
                    }

                    break;
                default:
                    request.Refuse($"messages[{index}].role", "is not supported by this model, which accepts system, developer, user, assistant or tool.");
                    break;
            }

            index++;
        }
    }

    /// <summary>Checks that tools and tool calls are functions, in the form of tools.</summary>
    private static void CheckFunctions(RequestDocument request, JsonElement owner, ReadOnlySpan<byte> name, string field)
    {
        var index = 0;
        foreach (var tool in owner.TryGetProperty(name, out var tools) && tools.ValueKind == JsonValueKind.Array ? tools.EnumerateArray() : default)
        {
            if (tool.ValueKind != JsonValueKind.Object)
            {
                request.Refuse($"{field}[{index}]", "must be an object.");
            }
            else if (!tool.TryGetObject("function"u8, out var function))
            {
                var (place, message) = JsonText.Of(tool, "type"u8) is null or "function" ? ("function", "must be an object.")
                    : ("type", "is of a type that this model does not accept: only functions are supported.");
                request.Refuse($"{field}[{index}].{place}", message);
            }
            else if (JsonText.Of(function, "name"u8) is null or "")
            {
                request.Refuse($"{field}[{index}].function.name", "must be a string that is not empty.");
            }
            else if (function.TryGetProperty("arguments"u8, out var arguments) && arguments.ValueKind is not (JsonValueKind.String or JsonValueKind.Object or JsonValueKind.Null))
            {
                request.Refuse($"{field}[{index}].function.arguments", "must be a string of JSON, or an object.");
            }

            index++;
        }
    }

    private static void CheckChoice(RequestDocument request)
    {
        var choice = ToolChoice.Of(request.Root);
        if (choice.Mode == ToolChoiceMode.Unset && request.Root.TryGetProperty("tool_choice"u8, out var said) && said.ValueKind != JsonValueKind.Null)
        {
            request.Refuse("tool_choice", "is not supported by this model, which accepts none, auto, required, a function, or allowed tools.");
        }

        var known = choice.Names.Count > 0 ? request.Functions.Select(function => JsonText.Of(function, "name"u8)).ToHashSet() : [];
        if (!choice.Names.All(known.Contains))
        {
            request.Refuse("tool_choice", "names a function that is not among the tools.");
        }

        // Without tools the choice would be dropped silently, and the answer would be text.
        if (choice.IsForced && !request.Functions.Any(choice.Allows))
        {
            request.Refuse("tool_choice", "requires a call, but there is no function to call.");
        }
    }

    private static void CheckFormat(RequestDocument request)
    {
        if (!request.Root.TryGetObject("response_format"u8, out var format))
        {
            return;
        }

        switch (JsonText.Of(format, "type"u8))
        {
            case "text" or "json_object":
                break;
            case "json_schema":
                if (!format.TryGetObject("json_schema"u8, out var named) || !named.TryGetObject("schema"u8, out _))
                {
                    request.Refuse("response_format.json_schema.schema", "is missing.");
                }

                break;
            default:
                request.Refuse("response_format.type", "is not supported by this model, which accepts text, json_object or json_schema.");
                break;
        }
    }
}
