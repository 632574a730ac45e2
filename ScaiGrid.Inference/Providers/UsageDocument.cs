using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Writes OpenAI's <c>usage</c> object. Cached tokens are part of the prompt and reasoning tokens part of the completion, so each counts once.
/// </summary>
internal static class UsageDocument
{
    /// <param name="output">Receives the object.</param>
    /// <param name="usage">The counts.</param>
    /// <param name="cacheWrites">The part of the prompt that was written to the upstream's cache; written if not zero.</param>
    public static void Write(PooledBytes output, TokenUsage usage, long cacheWrites = 0)
    {
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        writer.WriteNumber("prompt_tokens"u8, usage.Prompt);
        if (!usage.LacksCompletion)
        {
            writer.WriteNumber("completion_tokens"u8, usage.Completion);
            writer.WriteNumber("total_tokens"u8, usage.Total);
        }

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
        writer.WriteEndObject();
    }
}
