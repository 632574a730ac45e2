using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>How a call that consumed something ended.</summary>
public enum CallStatus
{
    Ok,

    /// <summary>The upstream failed after its first chunk, or this process shut down.</summary>
    Error,

    /// <summary>The caller disconnected or was revoked during the answer.</summary>
    Cancelled,
}

/// <summary>Derives a status, and its label in accounting and metrics.</summary>
public static class CallStatusWords
{
    /// <summary>The status of a call whose answer had begun.</summary>
    /// <param name="error">The error that ended it; null if it completed.</param>
    public static CallStatus Of(UpstreamError? error) =>
        error is null ? CallStatus.Ok : error.Failure == UpstreamFailure.CallerRevoked ? CallStatus.Cancelled : CallStatus.Error;

    public static string Label(this CallStatus status) => status switch
    {
        CallStatus.Ok => "ok",
        CallStatus.Error => "error",
        _ => "cancelled",
    };
}
