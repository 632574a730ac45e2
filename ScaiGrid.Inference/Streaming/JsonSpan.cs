namespace ScaiGrid.Inference.Streaming;

/// <summary>The position of a value in a JSON text, in bytes.</summary>
public readonly record struct JsonSpan(int Start, int Length)
{
    public int End => Start + Length;

    public bool Exists => Length > 0;
}
