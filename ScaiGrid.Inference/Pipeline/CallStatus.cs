using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>How a call that consumed something ended.</summary>
public enum CallStatus
{
    Ok,

    /// <summary>The upstream broke off after its first chunk, or this process had to end.</summary>
    Error,

    /// <summary>The caller left in the middle of the answer, or lost their access.</summary>
    Cancelled,
}

/// <summary>What a status follows from, and its words in accounting and metrics.</summary>
public static class CallStatusWords
{
    /// <summary>How a call ended whose answer had begun.</summary>
    /// <param name="error">What ended it; null when it came to its end.</param>
    public static CallStatus Of(UpstreamError? error) =>
        error is null ? CallStatus.Ok : error.Failure == UpstreamFailure.CallerRevoked ? CallStatus.Cancelled : CallStatus.Error;

    public static string Label(this CallStatus status) => status switch
    {
        CallStatus.Ok => "ok",
        CallStatus.Error => "error",
        _ => "cancelled",
    };
}
