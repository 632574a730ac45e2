using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Why an answer ended, in our words.</summary>
internal static class AnthropicFinish
{
    /// <param name="owner">What holds the <c>stop_reason</c>.</param>
    /// <returns>Null where there is none yet.</returns>
    public static string? Of(JsonElement owner) => JsonText.Of(owner, "stop_reason"u8) switch
    {
        null => null,
        "max_tokens" or "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",

        // end_turn, stop_sequence, pause_turn.
        _ => "stop",
    };
}
