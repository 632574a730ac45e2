using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Writes a request of Model Studio's dialect. Fields shared with OpenAI, and those of the dialect itself, are copied.</summary>
internal static partial class QwenRequest
{
    private const double LargestTemperature = 1.99;

    public static PooledBytes Write(RequestDocument request)
    {
        ConversationRules.CheckEffort(request);
        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        var choice = ToolChoice.Of(request.Root);
        writer.WriteStartObject();
        foreach (var property in request.Root.EnumerateObject())
        {
            WriteField(request, writer, property, choice);
        }

        if (request.MaxTokens is { } tokens)
        {
            writer.WriteNumber("max_tokens"u8, tokens);
        }

        WriteThinking(request, writer, choice);
        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void WriteField(RequestDocument request, Utf8JsonWriter writer, JsonProperty property, ToolChoice choice)
    {
        switch (property.Name)
        {
            case "max_tokens" or "max_completion_tokens" or "reasoning_effort":
                break;
            case "messages":
                QwenMessages.Write(request, writer);
                break;
            case "tools" when property.Value.ValueKind == JsonValueKind.Array:
                writer.WriteStartArray("tools"u8);
                foreach (var tool in property.Value.EnumerateArray().Where(tool => IsOffered(tool, choice)))
                {
                    writer.WriteRawValue(tool.Raw(), skipInputValidation: true);
                }

                writer.WriteEndArray();
                break;
            case "tool_choice":
                WriteChoice(request, writer, choice);
                break;
            case "temperature" when property.Value.ValueKind == JsonValueKind.Number && property.Value.GetDouble() > LargestTemperature:
                // The upstream's range ends just below 2.
                writer.WriteNumber("temperature"u8, LargestTemperature);
                break;
            case "seed" when property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetInt64(out var seed) && seed is < 0 or > int.MaxValue:
                writer.WriteNumber("seed"u8, (seed ^ (seed >> 32)) & int.MaxValue);
                break;
            default:
                writer.WriteProperty(property);
                break;
        }
    }

    // An invalid function definition is for the upstream to judge.
    private static bool IsOffered(JsonElement tool, ToolChoice choice) =>
        tool.ValueKind != JsonValueKind.Object || !tool.TryGetObject("function"u8, out var function) || choice.Allows(function);

    // Only a named call can be forced. If there is one tool, "required" is the same.
    private static void WriteChoice(RequestDocument request, Utf8JsonWriter writer, ToolChoice choice)
    {
        var names = choice.Names.Count > 0 ? choice.Names : request.Functions.Select(function => JsonText.Of(function, "name"u8)).OfType<string>().Take(2).ToList();
        if (choice.IsForced && names is [var name])
        {
            writer.WriteStartObject("tool_choice"u8);
            writer.WriteString("type"u8, "function"u8);
            writer.WriteStartObject("function"u8);
            writer.WriteString("name"u8, name);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        else if (choice.Mode != ToolChoiceMode.Unset)
        {
            writer.WriteString("tool_choice"u8, choice.Mode == ToolChoiceMode.None ? "none"u8 : "auto"u8);
        }
    }

    private static void WriteThinking(RequestDocument request, Utf8JsonWriter writer, ToolChoice choice)
    {
        if (request.Root.TryGetProperty("enable_thinking"u8, out _))
        {
            return;
        }

        // Thinking excludes a forced tool and, before 3.8, a JSON answer. These win, because the caller's program depends on them.
        var model = JsonText.Of(request.Root, "model"u8) ?? "";
        var mayNotThink = choice.IsForced || (request.WantsJson(out _) && !ThinkingBeforeJson().IsMatch(model));

        // These models think unless told not to, and reject thinking in a non-streamed answer.
        if ((!request.Stream && StreamedThought().IsMatch(model)) || (mayNotThink && ThinkingUnasked().IsMatch(model)))
        {
            writer.WriteBoolean("enable_thinking"u8, false);
            return;
        }

        if (request.Effort is not { } effort)
        {
            return;
        }

        // Some models always think, and reject being told not to.
        var thinks = AlwaysThinks().IsMatch(model) || (effort != "none" && !mayNotThink);
        writer.WriteBoolean("enable_thinking"u8, thinks);
        if (thinks && !request.Root.TryGetProperty("thinking_budget"u8, out _) && Budget(effort) is { } budget)
        {
            writer.WriteNumber("thinking_budget"u8, budget);
        }
    }

    // Null: as much as the model allows.
    private static int? Budget(string effort) => effort switch
    {
        "none" or "minimal" => 512,
        "low" => 2048,
        "high" or "xhigh" or "max" => null,
        _ => 8192,
    };

    // Third-generation open models with switchable thinking: their names are their sizes.
    [GeneratedRegex(@"^qwen3-\d+(\.\d+)?b(-a\d+b)?$", RegexOptions.IgnoreCase)]
    private static partial Regex StreamedThought();

    // The above, and all from 3.5 on except those that always think.
    [GeneratedRegex(@"^qwen(3-\d+(\.\d+)?b(-a\d+b)?$|(3\.[5-9]|[4-9])(?!.*thinking))", RegexOptions.IgnoreCase)]
    private static partial Regex ThinkingUnasked();

    [GeneratedRegex("^(qwq|qvq)|thinking", RegexOptions.IgnoreCase)]
    private static partial Regex AlwaysThinks();

    [GeneratedRegex(@"^qwen(3\.[89]|[4-9])", RegexOptions.IgnoreCase)]
    private static partial Regex ThinkingBeforeJson();
}
