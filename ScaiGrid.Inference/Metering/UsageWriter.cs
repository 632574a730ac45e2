using System.Text.Json;

namespace ScaiGrid.Inference.Metering;

/// <summary>Writes <c>usage</c> in OpenAI's chat format and in the native surface's.</summary>
internal static class UsageWriter
{
    /// <summary>Writes the <c>usage</c> property of OpenAI's chat format.</summary>
    /// <param name="writer">A writer positioned inside an object.</param>
    /// <param name="usage">The counts.</param>
    /// <param name="cacheWrites">The part of the prompt that was written to the upstream's cache; written if not zero.</param>
    /// <param name="withDetails">Whether cached and reasoning tokens are written.</param>
    public static void WriteOpenAi(Utf8JsonWriter writer, TokenUsage usage, long cacheWrites = 0, bool withDetails = true)
    {
        writer.WritePropertyName("usage"u8);
        WriteOpenAiValue(writer, usage, cacheWrites, withDetails);
    }

    /// <summary>
    /// Writes the value of OpenAI's <c>usage</c>. Cached tokens are part of the prompt and reasoning tokens part of the completion, so each counts once.
    /// </summary>
    /// <param name="writer">A writer positioned where a value is expected.</param>
    /// <param name="usage">The counts. Only an upstream's own can lack the completion's; those that callers see are settled.</param>
    /// <param name="cacheWrites">The part of the prompt that was written to the upstream's cache; written if not zero.</param>
    /// <param name="withDetails">Whether cached and reasoning tokens are written.</param>
    public static void WriteOpenAiValue(Utf8JsonWriter writer, TokenUsage usage, long cacheWrites = 0, bool withDetails = true)
    {
        writer.WriteStartObject();
        writer.WriteNumber("prompt_tokens"u8, usage.Prompt);
        if (!usage.LacksCompletion)
        {
            writer.WriteNumber("completion_tokens"u8, usage.Completion);
            writer.WriteNumber("total_tokens"u8, usage.Total);
        }

        if (withDetails)
        {
            WriteDetails(writer, usage, cacheWrites);
        }

        writer.WriteEndObject();
    }

    /// <summary>Writes the native surface's <c>usage</c> property.</summary>
    public static void WriteNative(Utf8JsonWriter writer, TokenUsage usage)
    {
        writer.WriteStartObject("usage"u8);
        writer.WriteNumber("prompt_tokens"u8, usage.Prompt);
        writer.WriteNumber("completion_tokens"u8, usage.Completion);
        writer.WriteNumber("total_tokens"u8, usage.Total);
        writer.WriteNumber("cached_tokens"u8, usage.Cached);
        writer.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        writer.WriteEndObject();
    }

    private static void WriteDetails(Utf8JsonWriter writer, TokenUsage usage, long cacheWrites)
    {
        writer.WriteStartObject("prompt_tokens_details"u8);
        writer.WriteNumber("cached_tokens"u8, usage.Cached);
        if (cacheWrites > 0)
        {
            writer.WriteNumber("cache_write_tokens"u8, cacheWrites);
        }

        writer.WriteEndObject();
        writer.WriteStartObject("completion_tokens_details"u8);
        writer.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        writer.WriteEndObject();
    }
}
