namespace ScaiGrid.Inference.Pipeline;

/// <summary>How a call that consumed something ended.</summary>
public enum CallStatus
{
    Ok,

    /// <summary>The upstream broke after its first chunk.</summary>
    Error,

    /// <summary>The caller left in the middle of the answer, or lost their access.</summary>
    Cancelled,
}

/// <summary>The words for <see cref="CallStatus"/> in accounting and metrics.</summary>
public static class CallStatusWords
{
    public static string Label(this CallStatus status) => status switch
    {
        CallStatus.Ok => "ok",
        CallStatus.Error => "error",
        _ => "cancelled",
    };
}
