using System.Buffers;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// A surface's rendering of the chunks of one shape: the bytes before the text and the bytes after it. The shape is rendered once; every
/// later chunk of the shape is written by three copies.
/// </summary>
internal sealed class ChunkTemplate : IDisposable
{
    private readonly PooledBytes _before = new(512);
    private readonly PooledBytes _after = new(512);
    private ChunkShape? _shape;
    private bool _isUsable;

    /// <returns>False if the caller must render the chunk itself.</returns>
    public bool TryWrite<TSurface>(IBufferWriter<byte> body, ChunkView chunk, TSurface surface, Action<TSurface, IBufferWriter<byte>, ChunkView> render)
    {
        if (chunk.Shape is not { } shape)
        {
            return false;
        }

        if (shape != _shape)
        {
            _isUsable = Render(shape, surface, render);
            _shape = shape;
        }

        if (!_isUsable)
        {
            return false;
        }

        var text = chunk.Json.Span.Slice(chunk.Text.Start + 1, chunk.Text.Length - 2);
        var target = body.GetSpan(_before.Length + text.Length + _after.Length);
        _before.Span.CopyTo(target);
        text.CopyTo(target[_before.Length..]);
        _after.Span.CopyTo(target[(_before.Length + text.Length)..]);
        body.Advance(_before.Length + text.Length + _after.Length);
        return true;
    }

    public void Dispose()
    {
        _before.Dispose();
        _after.Dispose();
    }

    private bool Render<TSurface>(ChunkShape shape, TSurface surface, Action<TSurface, IBufferWriter<byte>, ChunkView> render)
    {
        using var rendered = new PooledBytes(1024);
        render(surface, rendered, shape.Sample);
        var at = rendered.Span.IndexOf(ChunkShape.Marker);
        if (at < 0)
        {
            return false;
        }

        _before.Clear();
        _before.Append(rendered.Span[..at]);
        _after.Clear();
        _after.Append(rendered.Span[(at + ChunkShape.Marker.Length)..]);
        return true;
    }
}
