using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>Maps <c>finishReason</c> to OpenAI's <c>finish_reason</c>.</summary>
internal static class GoogleFinish
{
    /// <summary>No candidate has an answer, and one ended for a reason that the upstream does not know.</summary>
    public static readonly UpstreamError NoAnswer = new(UpstreamFailure.ModelFailed, "The model ended without an answer.");

    /// <param name="candidate">The object with the <c>finishReason</c>.</param>
    /// <param name="hasCalls">True if a function was called: the upstream reports STOP for that as well.</param>
    /// <param name="failed">Set if the model failed instead of finishing: a retry may succeed.</param>
    /// <returns>Null if there is none yet.</returns>
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

    /// <summary>True if the upstream does not know why the candidate ended: it may be without an answer.</summary>
    public static bool IsUnexplained(JsonElement candidate) => JsonText.Of(candidate, "finishReason"u8) == "OTHER";

    /// <summary>
    /// Why an answer without what was asked for has none: its content was refused, which is the caller's matter, or the model produced none. Null if
    /// the answer gives no reason, because it is in another format.
    /// </summary>
    /// <param name="answer">An answer without pictures or audio.</param>
    /// <param name="missing">What was asked for.</param>
    public static UpstreamError? WhyWithout(string missing, JsonElement answer)
    {
        var candidates = answer.Items("candidates"u8).ToList();
        return IsBlocked(answer) || candidates.Exists(candidate => Of(candidate, hasCalls: false, out _) == "content_filter")
            ? UpstreamError.ContentRefused
            : candidates.Count > 0 ? new UpstreamError(UpstreamFailure.ModelFailed, $"The model answered without {missing}.")
            : null;
    }

    /// <summary>True if the prompt itself was blocked, in which case there is no candidate.</summary>
    public static bool IsBlocked(JsonElement answer) =>
        answer.TryGetObject("promptFeedback"u8, out var feedback) && JsonText.Of(feedback, "blockReason"u8) is not null;
}
