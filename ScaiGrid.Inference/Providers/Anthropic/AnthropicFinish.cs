using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Maps <c>stop_reason</c> to OpenAI's <c>finish_reason</c>.</summary>
internal static class AnthropicFinish
{
    /// <param name="owner">The object with the <c>stop_reason</c>.</param>
    /// <returns>Null if there is none yet.</returns>
    public static string? Of(JsonElement owner) => JsonText.Of(owner, "stop_reason"u8) switch
    {
        null => null,
        "max_tokens" or "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",

        // end_turn, stop_sequence and pause_turn.
        _ => "stop",
    };
}
