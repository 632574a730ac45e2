namespace ScaiGrid.Inference.Streaming;

/// <summary>Identifies a run of chunks that differ only in the text that the model wrote.</summary>
/// <param name="sample">A chunk of this shape, with <see cref="Marker"/> as its text.</param>
public sealed class ChunkShape(ChunkView sample)
{
    /// <summary>A text that no model writes and that needs no JSON escaping.</summary>
    public static ReadOnlySpan<byte> Marker => "\u007f~scaigrid:text~\u007f"u8;

    public ChunkView Sample { get; } = sample;
}
