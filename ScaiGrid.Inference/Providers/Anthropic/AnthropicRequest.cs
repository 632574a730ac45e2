using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Writes a Messages request.</summary>
internal static class AnthropicRequest
{
    private const long SmallestBudget = 1024;

    public static PooledBytes Write(RequestDocument request, AnthropicModel model)
    {
        ConversationRules.Check(request);
        if (request.Number("n"u8) is > 1)
        {
            request.Refuse("n", "is more than 1: this model gives one answer a call.");
        }

        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        var choice = ToolChoice.Of(request.Root);
        var maxTokens = request.MaxTokens ?? request.Route.MaxOutputTokens ?? model.DefaultMaxTokens;
        writer.WriteStartObject();
        writer.WriteString("model"u8, model.Name);
        writer.WriteNumber("max_tokens"u8, maxTokens);
        if (request.Stream)
        {
            writer.WriteBoolean("stream"u8, true);
        }

        AnthropicSystem.Write(request, writer);
        new AnthropicMessages(request, writer).Write();
        WriteTools(request, writer, choice);
        var isThinking = WriteThinking(request, writer, model, choice, maxTokens);
        WriteOutputConfig(request, writer, model);
        WriteSampling(request, writer, model, isThinking);
        WriteStops(request, writer);
        if (request.Root.TryGetProperty("user"u8, out var user) && user.ValueKind == JsonValueKind.String)
        {
            writer.WriteStartObject("metadata"u8);
            writer.WriteRaw("user_id"u8, user);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void WriteTools(RequestDocument request, Utf8JsonWriter writer, ToolChoice choice)
    {
        var tools = RequestDocument.Items(request.Root, "tools"u8)
            .Where(tool => RequestDocument.TryGetObject(tool, "function"u8, out var function) && choice.Allows(function)).ToList();
        if (tools.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tools"u8);
        foreach (var tool in tools)
        {
            WriteTool(writer, tool, tool.GetProperty("function"u8));
        }

        writer.WriteEndArray();
        var isSerial = request.Flag("parallel_tool_calls"u8) == false;
        if (choice.Mode == ToolChoiceMode.Unset && !isSerial)
        {
            return;
        }

        writer.WriteStartObject("tool_choice"u8);
        writer.WriteString("type"u8, choice.Mode switch
        {
            ToolChoiceMode.None => "none"u8,
            ToolChoiceMode.Required => choice.Names.Count == 1 ? "tool"u8 : "any"u8,
            _ => "auto"u8,
        });
        if (choice is { IsForced: true, Names: [var name] })
        {
            writer.WriteString("name"u8, name);
        }

        if (isSerial && choice.Mode != ToolChoiceMode.None)
        {
            writer.WriteBoolean("disable_parallel_tool_use"u8, true);
        }

        writer.WriteEndObject();
    }

    private static void WriteTool(Utf8JsonWriter writer, JsonElement tool, JsonElement function)
    {
        writer.WriteStartObject();
        function.CopyTo(writer, "name"u8);
        function.CopyTo(writer, "description"u8);
        if (RequestDocument.TryGetObject(function, "parameters"u8, out var parameters) && parameters.TryGetProperty("type"u8, out _))
        {
            writer.WriteRaw("input_schema"u8, parameters);
        }
        else
        {
            // A function without parameters still has an object for its input.
            writer.WriteStartObject("input_schema"u8);
            writer.WriteString("type"u8, "object"u8);
            writer.WriteEndObject();
        }

        if (function.TryGetProperty("strict"u8, out var strict) && strict.ValueKind == JsonValueKind.True)
        {
            writer.WriteBoolean("strict"u8, true);
        }

        tool.CopyTo(writer, "cache_control"u8);
        writer.WriteEndObject();
    }

    /// <returns>Whether the model will think.</returns>
    private static bool WriteThinking(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, ToolChoice choice, long maxTokens)
    {
        if (request.Effort is not { } effort)
        {
            return false;
        }

        if (effort == "none")
        {
            writer.WriteStartObject("thinking"u8);
            writer.WriteString("type"u8, "disabled"u8);
            writer.WriteEndObject();
            return false;
        }

        // Thinking and a forced tool exclude each other: the tool is what the caller's program depends on. The budget is part of the
        // bound on all output, and a quarter of that is left for the answer.
        var budget = Math.Min(Budget(effort), maxTokens - (maxTokens / 4) - 1);
        if (choice.IsForced || (!model.ThinksAdaptively && (budget < SmallestBudget || AnthropicMessages.ContinuesWithoutThinking(request))))
        {
            return false;
        }

        writer.WriteStartObject("thinking"u8);
        if (model.ThinksAdaptively)
        {
            writer.WriteString("type"u8, "adaptive"u8);

            // Newer models leave the text out unless it is asked for.
            writer.WriteString("display"u8, "summarized"u8);
        }
        else
        {
            writer.WriteString("type"u8, "enabled"u8);
            writer.WriteNumber("budget_tokens"u8, budget);
        }

        writer.WriteEndObject();
        return true;
    }

    private static long Budget(string effort) => effort switch
    {
        "minimal" => SmallestBudget,
        "low" => 2048,
        "high" => 16384,
        "xhigh" or "max" => 32768,
        _ => 8192,
    };

    private static void WriteOutputConfig(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model)
    {
        var effort = model.ThinksAdaptively ? request.Effort : null;
        var hasSchema = TryGetSchema(request, out var schema);
        if (effort is null or "none" && !hasSchema)
        {
            return;
        }

        writer.WriteStartObject("output_config"u8);
        if (effort is not (null or "none"))
        {
            writer.WriteString("effort"u8, effort == "minimal" ? "low" : effort);
        }

        if (hasSchema)
        {
            writer.WriteStartObject("format"u8);
            writer.WriteString("type"u8, "json_schema"u8);
            writer.WriteRaw("schema"u8, schema);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static bool TryGetSchema(RequestDocument request, out JsonElement schema)
    {
        schema = default;
        return RequestDocument.TryGetObject(request.Root, "response_format"u8, out var format)
            && RequestDocument.TryGetObject(format, "json_schema"u8, out var named)
            && RequestDocument.TryGetObject(named, "schema"u8, out schema);
    }

    private static void WriteSampling(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, bool isThinking)
    {
        if (!model.TakesSampling || isThinking)
        {
            return;
        }

        // Both at once are refused; their scale ends at 1 where OpenAI's goes on to 2.
        if (request.TryGetNumber("temperature"u8, out var temperature))
        {
            if (temperature.GetDouble() > 1)
            {
                writer.WriteNumber("temperature"u8, 1);
            }
            else
            {
                writer.WriteRaw("temperature"u8, temperature);
            }
        }
        else if (request.TryGetNumber("top_p"u8, out var topP))
        {
            writer.WriteRaw("top_p"u8, topP);
        }
    }

    private static void WriteStops(RequestDocument request, Utf8JsonWriter writer)
    {
        // Sequences of nothing but white space are refused.
        var stops = request.Stops.Where(stop => !string.IsNullOrWhiteSpace(JsonText.Of(stop))).ToList();
        if (stops.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("stop_sequences"u8);
        foreach (var stop in stops)
        {
            writer.WriteRawValue(RequestDocument.Raw(stop), skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
