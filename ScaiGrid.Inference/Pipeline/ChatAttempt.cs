using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A call on its way through the targets of its model.</summary>
public sealed class ChatAttempt
{
    public required ChatRequest Request { get; init; }

    public required CallContext Call { get; init; }

    public required ModelRoute Route { get; init; }

    public required IChatResponder Responder { get; init; }

    /// <summary>1 for the first target.</summary>
    public int Number { get; set; }

    /// <summary>The target in use; set before each attempt.</summary>
    public Backend Backend { get; set; } = null!;

    /// <summary>From acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; set; }
}

/// <summary>How a call that consumed something ended.</summary>
public enum CallStatus
{
    Ok,

    /// <summary>The upstream broke after its first chunk.</summary>
    Error,

    /// <summary>The caller left in the middle of the answer.</summary>
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
