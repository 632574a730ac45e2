using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A call on its way through the targets of its model; what the operations share.</summary>
public abstract class Attempt
{
    public required CallContext Call { get; init; }

    public required ModelRoute Route { get; init; }

    /// <summary>1 for the first target.</summary>
    public int Number { get; set; }

    /// <summary>The target in use; set before each try.</summary>
    public Backend Backend { get; set; } = null!;

    /// <summary>From acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; set; }
}
