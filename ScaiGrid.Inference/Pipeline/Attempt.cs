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

    /// <summary>1 for the first target.</summary>
    public int Number { get; set; }

    /// <summary>The target in use; set before each try.</summary>
    public Backend Backend { get; set; } = null!;

    /// <summary>From acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; set; }
}
