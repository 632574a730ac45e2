using System.Text.Json;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes the <c>usage</c> object in each surface's shape.</summary>
internal static class UsageJsonWriter
{
    public static void WriteNative(Utf8JsonWriter writer, TokenUsage usage)
    {
        WriteCounts(writer, usage);
        writer.WriteNumber("cached_tokens"u8, usage.Cached);
        writer.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        writer.WriteEndObject();
    }

    public static void WriteOpenAi(Utf8JsonWriter writer, TokenUsage usage)
    {
        WriteCounts(writer, usage);
        writer.WriteStartObject("prompt_tokens_details"u8);
        writer.WriteNumber("cached_tokens"u8, usage.Cached);
        writer.WriteEndObject();
        writer.WriteStartObject("completion_tokens_details"u8);
        writer.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter writer, TokenUsage usage)
    {
        writer.WriteStartObject("usage"u8);
        writer.WriteNumber("prompt_tokens"u8, usage.Prompt);
        writer.WriteNumber("completion_tokens"u8, usage.Completion);
        writer.WriteNumber("total_tokens"u8, usage.Total);
    }
}
