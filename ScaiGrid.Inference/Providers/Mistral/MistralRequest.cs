using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Writes a request of Mistral's dialect. An unknown field is an error there, so only known ones are sent.</summary>
internal static partial class MistralRequest
{
    /// <summary>Top-level fields that are the same in both APIs.</summary>
    private static readonly string[] Same =
    [
        "stream", "stop", "metadata", "response_format", "presence_penalty", "frequency_penalty", "n", "prediction",
        "parallel_tool_calls", "prompt_mode", "guardrails", "prompt_cache_key", "service_tier", "safe_prompt",
    ];

    private const double LargestTemperature = 1.5;

    public static PooledBytes Write(RequestDocument request)
    {
        ConversationRules.Check(request);
        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        writer.WriteStartObject();
        request.Root.CopyTo(writer, "model"u8);
        new MistralMessages(request, writer).Write();
        if (request.MaxTokens is { } tokens)
        {
            writer.WriteNumber("max_tokens"u8, tokens);
        }

        WriteSampling(request, writer);
        WriteEffort(request, writer);
        foreach (var name in Same)
        {
            if (request.Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(value.Raw(), skipInputValidation: true);
            }
        }

        WriteTools(request, writer);
        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void WriteSampling(RequestDocument request, Utf8JsonWriter writer)
    {
        var isGreedy = false;
        if (request.TryGetNumber("temperature"u8, out var temperature))
        {
            var value = temperature.GetDouble();
            isGreedy = value == 0;
            if (value > LargestTemperature)
            {
                writer.WriteNumber("temperature"u8, LargestTemperature);
            }
            else
            {
                writer.WriteRaw("temperature"u8, temperature);
            }
        }

        // With greedy sampling top_p has no effect, and the upstream rejects it.
        if (!isGreedy)
        {
            request.Root.CopyTo(writer, "top_p"u8);
        }

        if (request.Number("seed"u8) is { } seed)
        {
            // The upstream's seed is not negative; both halves of a 64-bit seed count.
            writer.WriteNumber("random_seed"u8, seed >= 0 ? seed : (seed ^ (seed >> 32)) & int.MaxValue);
        }
    }

    // Mistral's own models either think or do not, and reject levels in between; other models that it serves accept more.
    private static void WriteEffort(RequestDocument request, Utf8JsonWriter writer)
    {
        if (request.Effort is not { } effort)
        {
            return;
        }

        writer.WriteString("reasoning_effort"u8, !Own().IsMatch(JsonText.Of(request.Root, "model"u8) ?? "") ? effort : effort switch
        {
            "minimal" => "none",
            "low" or "medium" or "xhigh" or "max" => "high",
            _ => effort,
        });
    }

    private static void WriteTools(RequestDocument request, Utf8JsonWriter writer)
    {
        var choice = ToolChoice.Of(request.Root);
        var functions = request.Functions.Where(choice.Allows).ToList();
        if (functions.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tools"u8);
        foreach (var function in functions)
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "function"u8);
            writer.WriteStartObject("function"u8);
            function.CopyTo(writer, "name"u8);
            function.CopyTo(writer, "description"u8);
            function.CopyTo(writer, "strict"u8);
            writer.WritePropertyName("parameters"u8);
            writer.WriteRawValue(
                function.TryGetObject("parameters"u8, out var parameters) ? parameters.Raw() : """{"type":"object","properties":{}}"""u8,
                skipInputValidation: true);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteChoice(choice, writer);
    }

    private static void WriteChoice(ToolChoice choice, Utf8JsonWriter writer)
    {
        if (choice is { IsForced: true, Names: [var name] })
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
            writer.WriteString("tool_choice"u8, choice.Mode switch
            {
                ToolChoiceMode.None => "none"u8,
                ToolChoiceMode.Required => "any"u8,
                _ => "auto"u8,
            });
        }
    }

    // Mistral, Magistral, Ministral, Devstral, Codestral, Mixtral …
    [GeneratedRegex("[sx]tral")]
    private static partial Regex Own();
}
