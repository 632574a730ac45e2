using System.Text.Json;

namespace ScaiGrid.Inference.Metering;

/// <summary>The use of one call: tokens, and the units of models that are not priced by tokens.</summary>
/// <param name="Prompt">Tokens read by the model, including cached ones.</param>
/// <param name="Completion">Tokens written by the model, including reasoning.</param>
/// <param name="Cached">Part of <paramref name="Prompt"/>.</param>
/// <param name="Reasoning">Part of <paramref name="Completion"/>.</param>
/// <param name="Images">Generated images.</param>
/// <param name="AudioMilliseconds">Length of the transcribed audio.</param>
public readonly record struct TokenUsage(
    long Prompt, long Completion, long Cached = 0, long Reasoning = 0, int Images = 0, long AudioMilliseconds = 0)
{
    private const long MaxCount = 1_000_000_000;

    public long Total => Prompt + Completion;

    /// <summary>True if the upstream gave no output count, which is correct only for models that write no text.</summary>
    internal bool LacksCompletion { get; init; }

    /// <summary>
    /// Reads OpenAI's <c>usage</c> object, with the field names of its older or newer operations; some servers send both, one of them zero. Starts at the
    /// reader's position and leaves the reader at the object's end.
    /// </summary>
    /// <returns>Null if the value is not an object or does not count the prompt.</returns>
    internal static TokenUsage? Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        long? prompt = null, completion = null, total = null, cached = null, hits = null;
        long reasoning = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8) || reader.ValueTextEquals("input_tokens"u8))
            {
                prompt = Greater(prompt, ReadCount(ref reader));
            }
            else if (reader.ValueTextEquals("completion_tokens"u8) || reader.ValueTextEquals("output_tokens"u8))
            {
                completion = Greater(completion, ReadCount(ref reader));
            }
            else if (reader.ValueTextEquals("total_tokens"u8))
            {
                total = ReadCount(ref reader);
            }
            else if (reader.ValueTextEquals("cached_tokens"u8) || reader.ValueTextEquals("prompt_cache_hit_tokens"u8))
            {
                // Kimi and DeepSeek: directly in the usage, not in its details.
                hits = Greater(hits, ReadCount(ref reader));
            }
            else if (reader.ValueTextEquals("prompt_tokens_details"u8) || reader.ValueTextEquals("input_tokens_details"u8))
            {
                cached = Greater(cached, ReadDetail(ref reader, "cached_tokens"u8));
            }
            else if (reader.ValueTextEquals("completion_tokens_details"u8) || reader.ValueTextEquals("output_tokens_details"u8))
            {
                reasoning = Math.Max(reasoning, ReadDetail(ref reader, "reasoning_tokens"u8) ?? 0);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        // Some upstreams, such as xAI and Gemini in OpenAI's format, count reasoning separately from the output. Their total reveals it.
        if (prompt is not null && completion is not null && reasoning > 0 && (total is null ? reasoning > completion : total - prompt - completion == reasoning))
        {
            completion += reasoning;
        }

        // A usage without a prompt count is not accepted: the prompt would be free.
        prompt ??= total - completion;
        completion ??= total - prompt;
        // Cached tokens are part of the prompt, so there cannot be more of them.
        return prompt is >= 0 ? new TokenUsage(prompt.Value, Math.Max(completion ?? 0, 0), Math.Min(Greater(cached, hits) ?? 0, prompt.Value), reasoning) { LacksCompletion = completion is null } : null;
    }

    /// <summary>The same for a chat, which always has a prompt: some servers send zeros instead of no usage.</summary>
    internal static TokenUsage? ReadOfChat(ref Utf8JsonReader reader) => Read(ref reader) is { Prompt: > 0 } usage ? usage : null;

    /// <summary>Reads one count of an upstream's document.</summary>
    /// <returns>Null if it is missing or is not a valid count.</returns>
    internal static long? Count(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            ? Count(number)
            : null;

    /// <summary>The greater of two counts, either of which may be null.</summary>
    internal static long? Greater(long? one, long? other) => one > other || other is null ? one : other;

    private static long? ReadDetail(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

        long? value = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(name))
            {
                value = ReadCount(ref reader);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return value;
    }

    // A negative, fractional or impossibly large number is not accepted: it would falsify every sum that it is added to. Some servers write
    // 10 as 10.0.
    private static long? Count(double number) => number is >= 0 and <= MaxCount && double.IsInteger(number) ? (long)number : null;

    private static long? ReadCount(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number)
        {
            return Count(reader.TryGetInt64(out var whole) ? whole : reader.TryGetDouble(out var number) ? number : -1);
        }

        reader.Skip();
        return null;
    }
}
