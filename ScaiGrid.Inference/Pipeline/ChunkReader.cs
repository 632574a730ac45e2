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
    private bool _hasRead;

    /// <summary>The chunk that was read last; valid until the next read.</summary>
    public ChunkView Current => _scanner.Current;

    /// <summary>Why the stream ended early; null while it runs and after a proper end.</summary>
    public UpstreamError? Error => _error ?? stream.Error;

    /// <summary>Reads the next chunk if it has already arrived.</summary>
    public bool TryRead() => _error is null && stream.TryRead() && Scan();

    /// <returns>False at the end, proper or not.</returns>
    // Pooled: it waits once per piece of a stream, and its state machine would be allocated each time.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadAsync() => _error is null && await stream.ReadAsync() && Scan();

    public void Dispose() => _scanner.Dispose();

    private bool Scan()
    {
        var before = output.Length;
        try
        {
            if (!_scanner.Scan(stream.Current).IsError)
            {
                _hasRead = true;
                if (output.Length <= InferenceOptions.MaxUpstreamBytes)
                {
                    return true;
                }

                // A model that does not stop, or an upstream that means no good.
                _error = UpstreamError.AnswerTooLarge;
                return false;
            }

            _error = stream.ReadError();

            // Before anything has reached the caller, another target may take the call. After that, text beside the error is the caller's.
            if (!_hasRead || output.Length == before)
            {
                return false;
            }

            output.Advance(before - output.Length);
            _scanner.Scan(FinishReasons.WithoutFailure(stream.Current));
            return true;
        }
        catch (JsonException)
        {
            _error = new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream sent a chunk that is not JSON.");
            return false;
        }
    }
}
