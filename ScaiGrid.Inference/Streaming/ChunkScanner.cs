using System.Buffers;
using System.Text.Unicode;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// Scans the chunks of one stream. Most chunks differ from the previous one only in the text that the model wrote: such a chunk is
/// recognised by comparing bytes, and reuses the previous chunk's offsets.
/// </summary>
/// <remarks>
/// Saves parsing most chunks, and lets a surface render them from a template (<see cref="ChunkTemplate"/>).
/// </remarks>
/// <param name="output">Collects what the model wrote.</param>
internal sealed class ChunkScanner(PooledBytes output) : IDisposable
{
    // Bytes that end a plain JSON string, need unescaping, or are invalid in a string.
    private static readonly SearchValues<byte> NotPlain = SearchValues.Create([(byte)'"', (byte)'\\', .. Enumerable.Range(0, 0x20).Select(code => (byte)code)]);

    private readonly PooledBytes _before = new(1024);
    private readonly PooledBytes _after = new(1024);
    private ChunkView? _current;
    private bool _mayRepeat;

    /// <summary>The chunk that was scanned last; valid until the next scan.</summary>
    public ChunkView Current => _current ?? throw new InvalidOperationException("Nothing has been scanned.");

    /// <exception cref="System.Text.Json.JsonException">Not JSON.</exception>
    public ChunkView Scan(ReadOnlyMemory<byte> json)
    {
        if (!_mayRepeat || !TryRepeat(_current!, json))
        {
            _current = ChunkView.Scan(json, output);
            Remember(_current);
        }

        return _current!;
    }

    public void Dispose()
    {
        _before.Dispose();
        _after.Dispose();
    }

    private bool TryRepeat(ChunkView chunk, ReadOnlyMemory<byte> json)
    {
        var bytes = json.Span;
        if (bytes.Length < _before.Length + _after.Length || !bytes.StartsWith(_before.Span) || !bytes.EndsWith(_after.Span))
        {
            return false;
        }

        // The closing quote belongs to the suffix, so a quote or an escape in the text needs the parser.
        var text = bytes[_before.Length..^_after.Length];
        if (text.IndexOfAny(NotPlain) >= 0 || !Utf8.IsValid(text))
        {
            return false;
        }

        output.Append(text);
        chunk.Shape ??= new ChunkShape(chunk.With(Sample()));
        chunk.Become(json);
        return true;
    }

    private byte[] Sample() => [.. _before.Span, .. ChunkShape.Marker, .. _after.Span];

    // Only a chunk with a single text, and nothing that occurs once in a stream (finish, usage, error), is a model for the next ones.
    private void Remember(ChunkView view)
    {
        _mayRepeat = view is { HasFinish: false, IsError: false, Usage: null, Text.Exists: true };
        if (!_mayRepeat)
        {
            return;
        }

        var (start, end) = (view.Text.Start + 1, view.Text.End - 1);
        _before.Clear();
        _before.Append(view.Json.Span[..start]);
        _after.Clear();
        _after.Append(view.Json.Span[end..]);
    }
}
