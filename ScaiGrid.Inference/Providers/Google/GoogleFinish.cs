using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>Why an answer ended, in our words.</summary>
internal static class GoogleFinish
{
    /// <param name="candidate">What holds the <c>finishReason</c>.</param>
    /// <param name="hasCalls">Whether a function was called: the format says STOP then as well.</param>
    /// <param name="failed">Set where the model failed rather than ended: another try may do better.</param>
    /// <returns>Null where there is none yet.</returns>
    public static string? Of(JsonElement candidate, bool hasCalls, out UpstreamError? failed)
    {
        failed = null;
        switch (JsonText.Of(candidate, "finishReason"u8))
        {
            case null or "FINISH_REASON_UNSPECIFIED":
                return null;
            case "MAX_TOKENS":
                return "length";
            case "SAFETY" or "RECITATION" or "LANGUAGE" or "BLOCKLIST" or "PROHIBITED_CONTENT" or "SPII"
                or "IMAGE_SAFETY" or "IMAGE_PROHIBITED_CONTENT" or "IMAGE_RECITATION":
                return "content_filter";
            case "MALFORMED_FUNCTION_CALL" or "UNEXPECTED_TOOL_CALL" or "TOO_MANY_TOOL_CALLS":
                failed = new UpstreamError(UpstreamFailure.ModelFailed, "The model wrote a tool call that cannot be used.");
                return null;
            case "MALFORMED_RESPONSE":
                failed = new UpstreamError(UpstreamFailure.ModelFailed, "The model wrote an answer that cannot be used.");
                return null;
            case "MISSING_THOUGHT_SIGNATURE":
                failed = new UpstreamError(UpstreamFailure.ModelFailed, "The model misses the signature of an earlier call.");
                return null;
            default:
                return hasCalls ? "tool_calls" : "stop";
        }
    }

    /// <summary>Whether the prompt itself was refused, in which case there is no candidate.</summary>
    public static bool IsBlocked(JsonElement answer) =>
        RequestDocument.TryGetObject(answer, "promptFeedback"u8, out var feedback) && JsonText.Of(feedback, "blockReason"u8) is not null;
}
