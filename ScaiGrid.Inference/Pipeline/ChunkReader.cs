using System.Runtime.CompilerServices;
using System.Text.Json;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The chunks of an upstream's stream, read and scanned one after the other.</summary>
/// <param name="stream">The stream; owned by the caller.</param>
/// <param name="output">Collects the model's output.</param>
internal sealed class ChunkReader(ChatStream stream, PooledBytes output) : IDisposable
{
    private readonly ChunkScanner _scanner = new(output);
    private UpstreamError? _error;

    /// <summary>The chunk that was read last; valid until the next read.</summary>
    public ref readonly ChunkView Current => ref _scanner.Current;

    /// <summary>Why the stream ended early; null while it runs and after a proper end.</summary>
    public UpstreamError? Error => _error ?? stream.Error;

    /// <summary>Reads the next chunk if it has already arrived.</summary>
    public bool TryRead() => stream.TryRead() && Scan();

    /// <returns>False at the end, proper or not.</returns>
    // Pooled: it waits once per piece of a stream, and its state machine would be allocated each time.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadAsync() => _error is null && await stream.ReadAsync() && Scan();

    public void Dispose() => _scanner.Dispose();

    private bool Scan()
    {
        try
        {
            _error = _scanner.Scan(stream.Current).IsError ? stream.ReadError() : null;
        }
        catch (JsonException)
        {
            _error = new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream sent a chunk that is not JSON.");
        }

        return _error is null;
    }
}
