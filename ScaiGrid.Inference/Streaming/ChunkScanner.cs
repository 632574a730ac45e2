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
    private ChunkView _current;
    private ChunkView _model;
    private int _modelLength;
    private bool _hasModel;
    private ChunkShape? _shape;

    /// <summary>The chunk that was scanned last. Returned by reference because a view is a large struct.</summary>
    public ref readonly ChunkView Current => ref _current;

    /// <exception cref="System.Text.Json.JsonException">Not JSON.</exception>
    public ref readonly ChunkView Scan(ReadOnlyMemory<byte> json)
    {
        if (!_hasModel || !TryMatch(json))
        {
            _current = ChunkView.Scan(json, output);
            Remember(in _current);
        }

        return ref _current;
    }

    public void Dispose()
    {
        _before.Dispose();
        _after.Dispose();
    }

    private bool TryMatch(ReadOnlyMemory<byte> json)
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
        _shape ??= new ChunkShape(Like(Sample(), shape: null));
        _current = Like(json, _shape);
        return true;
    }

    private ChunkView Like(ReadOnlyMemory<byte> json, ChunkShape? shape) => _model.Like(json, json.Length - _modelLength, shape);

    private byte[] Sample() => [.. _before.Span, .. ChunkShape.Marker, .. _after.Span];

    // Only a chunk with a single text, and nothing that occurs once in a stream (finish, usage, error), is a model for the next ones.
    private void Remember(in ChunkView view)
    {
        _hasModel = view is { HasFinish: false, IsError: false, Usage: null, Text.Exists: true };
        if (!_hasModel)
        {
            return;
        }

        var (start, end) = (view.Text.Start + 1, view.Text.End - 1);
        _before.Clear();
        _before.Append(view.Json.Span[..start]);
        _after.Clear();
        _after.Append(view.Json.Span[end..]);
        (_model, _modelLength) = (view.Like(default, longer: 0, shape: null), view.Json.Length);
        _shape = null;
    }
}
