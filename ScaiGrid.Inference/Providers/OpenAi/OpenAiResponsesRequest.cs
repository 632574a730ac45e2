using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Writes a request of the Responses API.</summary>
internal static class OpenAiResponsesRequest
{
    /// <summary>The upstream rejects a lower limit. A call with a lower one is refused, because raising it would exceed the call's reservation.</summary>
    private const int LeastOutput = 16;

    /// <summary>Top-level fields that are the same in both APIs.</summary>
    private static readonly string[] Same =
    [
        "temperature", "top_p", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier",
    ];

    public static PooledBytes Write(RequestDocument request, OpenAiResponsesModel model)
    {
        ConversationRules.Check(request);
        RefuseWhatCannotBeSaid(request);
        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model.Name);
        writer.WriteBoolean("store"u8, false);
        if (request.Stream)
        {
            writer.WriteBoolean("stream"u8, true);
        }

        if (model.MayThink)
        {
            writer.WriteStartArray("include"u8);
            writer.WriteStringValue("reasoning.encrypted_content"u8);
            writer.WriteEndArray();
        }

        if (request.MaxTokens is { } tokens)
        {
            writer.WriteNumber("max_output_tokens"u8, tokens);
        }

        foreach (var name in Same)
        {
            if (request.Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(value.Raw(), skipInputValidation: true);
            }
        }

        WriteReasoning(request, writer, model);
        WriteText(request, writer);
        WriteTools(request, writer);
        new OpenAiResponsesInput(request, writer, model).Write();
        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void RefuseWhatCannotBeSaid(RequestDocument request)
    {
        if (request.Number("n"u8) is > 1)
        {
            request.Refuse("n", "is more than 1: this model returns one choice per call.");
        }

        if (request.Stops.Any())
        {
            request.Refuse("stop", "is not supported by this model: it would continue where the caller expects it to stop.");
        }

        if (request.MaxTokens is < LeastOutput)
        {
            var field = request.Number("max_completion_tokens"u8) == request.MaxTokens ? "max_completion_tokens" : "max_tokens";
            request.Refuse(field, $"is less than {LeastOutput}, the least that this model accepts, including its thinking.");
        }

        if (request.Root.TryGetProperty("moderation"u8, out var moderation) && moderation.ValueKind != JsonValueKind.Null)
        {
            request.Refuse("moderation", "is not supported by this model.");
        }
    }

    private static void WriteReasoning(RequestDocument request, Utf8JsonWriter writer, OpenAiResponsesModel model)
    {
        var summary = model.MayThink && request.Effort != "none" ? model.Summary : null;
        if (request.Effort is null && summary is null)
        {
            return;
        }

        writer.WriteStartObject("reasoning"u8);
        request.Root.CopyTo(writer, "reasoning_effort"u8, "effort"u8);
        if (summary is not null)
        {
            writer.WriteString("summary"u8, summary);
        }

        writer.WriteEndObject();
    }

    private static void WriteText(RequestDocument request, Utf8JsonWriter writer)
    {
        var hasFormat = request.Root.TryGetObject("response_format"u8, out var format);
        var verbosity = JsonText.Of(request.Root, "verbosity"u8);
        if (!hasFormat && verbosity is null)
        {
            return;
        }

        writer.WriteStartObject("text"u8);
        if (hasFormat)
        {
            writer.WriteStartObject("format"u8);
            format.CopyTo(writer, "type"u8);
            if (format.TryGetObject("json_schema"u8, out var named))
            {
                named.CopyTo(writer, "name"u8);
                named.CopyTo(writer, "description"u8);
                named.CopyTo(writer, "strict"u8);
                named.CopyTo(writer, "schema"u8);
            }

            writer.WriteEndObject();
        }

        if (verbosity is not null)
        {
            writer.WriteString("verbosity"u8, verbosity);
        }

        writer.WriteEndObject();
    }

    private static void WriteTools(RequestDocument request, Utf8JsonWriter writer)
    {
        var functions = request.Functions.ToList();
        if (functions.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tools"u8);
        foreach (var function in functions)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "function"u8);
            function.CopyTo(writer, "name"u8);
            function.CopyTo(writer, "description"u8);
            writer.WriteRaw(
                "parameters"u8,
                function.TryGetObject("parameters"u8, out var parameters) ? parameters.Raw() : """{"type":"object","properties":{},"additionalProperties":false}"""u8);

            // In the Responses API a function is strict by default; in chat completions it is not.
            writer.WriteBoolean("strict"u8, function.TryGetProperty("strict"u8, out var strict) && strict.ValueKind == JsonValueKind.True);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        request.Root.CopyTo(writer, "parallel_tool_calls"u8);
        WriteChoice(ToolChoice.Of(request.Root), writer);
    }

    private static void WriteChoice(ToolChoice choice, Utf8JsonWriter writer)
    {
        var word = choice.Mode switch
        {
            ToolChoiceMode.None => "none"u8,
            ToolChoiceMode.Required => "required"u8,
            _ => "auto"u8,
        };
        if (choice.Allowed is not null)
        {
            writer.WriteStartObject("tool_choice"u8);
            writer.WriteString("type"u8, "allowed_tools"u8);
            writer.WriteString("mode"u8, word);
            writer.WriteStartArray("tools"u8);
            foreach (var name in choice.Names)
            {
                writer.WriteStartObject();
                WriteFunction(name, writer);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        else if (choice is { IsForced: true, Names: [var name] })
        {
            writer.WriteStartObject("tool_choice"u8);
            WriteFunction(name, writer);
            writer.WriteEndObject();
        }
        else if (choice.Mode != ToolChoiceMode.Unset)
        {
            writer.WriteString("tool_choice"u8, word);
        }
    }

    private static void WriteFunction(string name, Utf8JsonWriter writer)
    {
        writer.WriteString("type"u8, "function"u8);
        writer.WriteString("name"u8, name);
    }
}
