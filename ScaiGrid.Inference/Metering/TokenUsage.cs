using System.Text.Json;

namespace ScaiGrid.Inference.Metering;

/// <summary>What one call used: tokens, and the units of models that are not priced by tokens.</summary>
/// <param name="Prompt">Read by the model, cached ones included.</param>
/// <param name="Completion">Written by the model, reasoning ones included.</param>
/// <param name="Cached">Part of <paramref name="Prompt"/>.</param>
/// <param name="Reasoning">Part of <paramref name="Completion"/>.</param>
/// <param name="Images">Pictures made.</param>
/// <param name="AudioMilliseconds">Length of the audio that was listened to.</param>
public readonly record struct TokenUsage(
    long Prompt, long Completion, long Cached = 0, long Reasoning = 0, int Images = 0, long AudioMilliseconds = 0)
{
    private const long MaxCount = 1_000_000_000;

    public long Total => Prompt + Completion;

    /// <summary>Nothing was said of what the model wrote, which is right only where it writes no text.</summary>
    internal bool LacksCompletion { get; init; }

    /// <summary>
    /// Reads OpenAI's <c>usage</c> object, in the words of its older or its newer operations, at the reader's position and leaves the reader at its end.
    /// </summary>
    /// <returns>Null when the value is not an object or does not count the prompt.</returns>
    internal static TokenUsage? Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return null;
        }

        long? prompt = null, completion = null, total = null;
        long cached = 0, reasoning = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8) || reader.ValueTextEquals("input_tokens"u8))
            {
                prompt = ReadCount(ref reader);
            }
            else if (reader.ValueTextEquals("completion_tokens"u8) || reader.ValueTextEquals("output_tokens"u8))
            {
                completion = ReadCount(ref reader);
            }
            else if (reader.ValueTextEquals("total_tokens"u8))
            {
                total = ReadCount(ref reader);
            }
            else if (reader.ValueTextEquals("prompt_tokens_details"u8) || reader.ValueTextEquals("input_tokens_details"u8))
            {
                cached = ReadDetail(ref reader, "cached_tokens"u8) ?? cached;
            }
            else if (reader.ValueTextEquals("completion_tokens_details"u8) || reader.ValueTextEquals("output_tokens_details"u8))
            {
                reasoning = ReadDetail(ref reader, "reasoning_tokens"u8) ?? reasoning;
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        // Some count reasoning beside what was written and not as a part of it, xAI and Gemini in OpenAI's shape among them: what their sum tells.
        if (prompt is not null && completion is not null && reasoning > 0 && (total is null ? reasoning > completion : total - prompt - completion == reasoning))
        {
            completion += reasoning;
        }

        // Without a word on the prompt it is no account of the call: it would be free.
        prompt ??= total - completion;
        completion ??= total - prompt;
        // Of what it read itself no more can have been in its cache.
        return prompt is >= 0 ? new TokenUsage(prompt.Value, Math.Max(completion ?? 0, 0), Math.Min(cached, prompt.Value), reasoning) { LacksCompletion = completion is null } : null;
    }

    /// <summary>One count of an upstream's own document.</summary>
    /// <returns>Null where it is not there, or is no count.</returns>
    internal static long? Count(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var count) && IsCount(count)
            ? count
            : null;

    /// <summary>The greater of two counts, either of which may not be there.</summary>
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

    // One that is negative, fractional, no number at all or beyond any model is none: it would break every sum that it got into.
    private static bool IsCount(long number) => number is >= 0 and <= MaxCount;

    private static long? ReadCount(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var count) && IsCount(count))
        {
            return count;
        }

        reader.Skip();
        return null;
    }
}
