using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A call on its way through the targets of its model; what the operations share.</summary>
public abstract class Attempt
{
    public required CallContext Call { get; init; }

    /// <summary>For traces, by the names of OpenTelemetry's conventions: <c>chat</c>, <c>embeddings</c> …</summary>
    public abstract string Operation { get; }

    /// <summary>The frontend model; set when it was found.</summary>
    public ModelRoute Route { get; set; } = null!;

    /// <summary>What was reserved for the call; null where nothing was.</summary>
    public AdmissionTicket? Ticket { get; internal set; }

    /// <summary>How near the caller is to its rate limits; known before the answer begins.</summary>
    public RateLimitState Limits { get; private set; }

    /// <summary>1 for the first target.</summary>
    public int Number { get; set; }

    /// <summary>The target in use; set before each try.</summary>
    public Backend Backend { get; set; } = null!;

    /// <summary>From acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; set; }

    /// <summary>The most that the call can use of <see cref="Route"/>.</summary>
    /// <param name="unboundedOutput">Output tokens, where neither the caller nor the model says how many.</param>
    public abstract CallBounds Bounds(int unboundedOutput);

    /// <summary>A budget relies on <see cref="Bounds"/>: where the upstream would not keep to them by itself, it is told.</summary>
    public virtual void KeepToBounds(int unboundedOutput)
    {
    }

    /// <summary>Called once, before anything is answered.</summary>
    public virtual void ShowLimits(RateLimitState limits)
    {
        Limits = limits;
        Call.ShowLimits?.Invoke(limits);
    }
}
