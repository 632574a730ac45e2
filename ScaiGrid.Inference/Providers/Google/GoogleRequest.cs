using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>Writes a generateContent request.</summary>
internal static class GoogleRequest
{
    public static PooledBytes Write(RequestDocument request, GoogleModel model)
    {
        ConversationRules.Check(request);
        ConversationRules.CheckEffort(request);
        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        writer.WriteStartObject();
        new GoogleContents(request, writer, model).Write();
        if (OffersTools(request, model))
        {
            WriteTools(request, writer);
        }

        writer.WriteStartObject("generationConfig"u8);
        WriteSampling(request, writer, model);
        WriteFormat(request, writer);
        WriteThinking(request, writer, model);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    // Models before 3 reject JSON output together with functions. Tools that must not be called can be dropped, unless the conversation has calls.
    private static bool OffersTools(RequestDocument request, GoogleModel model)
    {
        if (model.ThinksByLevel || !request.WantsJson(out _) || !request.Functions.Any())
        {
            return true;
        }

        if (ToolChoice.Of(request.Root).Mode != ToolChoiceMode.None || request.Messages.Any(message => message.Items("tool_calls"u8).Any()))
        {
            request.Refuse("response_format", "asks for JSON, which this model does not support together with tools.");
        }

        return false;
    }

    private static void WriteTools(RequestDocument request, Utf8JsonWriter writer)
    {
        var functions = request.Functions.ToList();
        if (functions.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tools"u8);
        writer.WriteStartObject();
        writer.WriteStartArray("functionDeclarations"u8);
        foreach (var function in functions)
        {
            writer.WriteStartObject();
            writer.WriteName(function);
            function.CopyTo(writer, "description"u8);
            if (function.TryGetProperty("parameters"u8, out var parameters) && parameters.ValueKind != JsonValueKind.Null)
            {
                writer.WritePropertyName("parametersJsonSchema"u8);
                GoogleSchema.Write(writer, parameters);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
        WriteChoice(ToolChoice.Of(request.Root), functions, writer);
    }

    private static void WriteChoice(ToolChoice choice, List<JsonElement> functions, Utf8JsonWriter writer)
    {
        if (choice.Mode == ToolChoiceMode.Unset)
        {
            return;
        }

        writer.WriteStartObject("toolConfig"u8);
        writer.WriteStartObject("functionCallingConfig"u8);
        writer.WriteString("mode"u8, choice switch
        {
            { Mode: ToolChoiceMode.None } => "NONE"u8,
            { Mode: ToolChoiceMode.Required } => "ANY"u8,

            // Some but not all functions, none forced: only this mode accepts names without forcing a call.
            { Names.Count: > 0 } => "VALIDATED"u8,
            _ => "AUTO"u8,
        });
        if (choice.Names.Count > 0 && choice.Mode != ToolChoiceMode.None)
        {
            writer.WriteStartArray("allowedFunctionNames"u8);
            foreach (var function in functions.Where(choice.IsNamed))
            {
                writer.WriteStringValue(GoogleNames.Theirs(JsonText.Of(function.GetProperty("name"u8))));
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteSampling(RequestDocument request, Utf8JsonWriter writer, GoogleModel model)
    {
        request.Root.CopyTo(writer, "temperature"u8);
        request.Root.CopyTo(writer, "top_p"u8, "topP"u8);
        if (model.TakesPenalties)
        {
            request.Root.CopyTo(writer, "presence_penalty"u8, "presencePenalty"u8);
            request.Root.CopyTo(writer, "frequency_penalty"u8, "frequencyPenalty"u8);
        }

        request.Root.CopyTo(writer, "n"u8, "candidateCount"u8);
        if (request.MaxTokens is { } tokens)
        {
            writer.WriteNumber("maxOutputTokens"u8, tokens);
        }

        if (request.Number("seed"u8) is { } seed)
        {
            // The upstream's seed has 32 bits; both halves of a longer one count.
            writer.WriteNumber("seed"u8, seed is >= int.MinValue and <= int.MaxValue ? (int)seed : unchecked((int)(seed ^ (seed >> 32))));
        }

        var stops = request.Stops.Where(stop => JsonText.Of(stop).Length > 0).ToList();
        if (stops.Count > 0)
        {
            writer.WriteStartArray("stopSequences"u8);
            foreach (var stop in stops)
            {
                writer.WriteRawValue(stop.Raw(), skipInputValidation: true);
            }

            writer.WriteEndArray();
        }
    }

    private static void WriteFormat(RequestDocument request, Utf8JsonWriter writer)
    {
        if (!request.WantsJson(out var format))
        {
            return;
        }

        writer.WriteString("responseMimeType"u8, "application/json"u8);
        if (format.TryGetObject("json_schema"u8, out var named) && named.TryGetObject("schema"u8, out var schema))
        {
            writer.WritePropertyName("responseJsonSchema"u8);
            GoogleSchema.Write(writer, schema);
        }
    }

    private static void WriteThinking(RequestDocument request, Utf8JsonWriter writer, GoogleModel model)
    {
        if (request.Effort is not { } effort)
        {
            return;
        }

        writer.WriteStartObject("thinkingConfig"u8);
        if (model.ThinksByLevel)
        {
            writer.WriteString("thinkingLevel"u8, effort switch
            {
                // Thinking cannot be disabled.
                "none" or "minimal" => model.LeastLevel,
                "low" => "LOW",
                "high" or "xhigh" or "max" => "HIGH",
                _ => "MEDIUM",
            });
        }
        else
        {
            writer.WriteNumber("thinkingBudget"u8, effort switch
            {
                "none" => model.LeastBudget,
                "minimal" => 512,
                "low" => 1024,
                "high" or "xhigh" or "max" => 24576,
                _ => 8192,
            });
        }

        writer.WriteBoolean("includeThoughts"u8, effort != "none");
        writer.WriteEndObject();
    }
}
