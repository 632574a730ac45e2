using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A stream of chunks from an upstream. Not an <see cref="IAsyncEnumerable{T}"/>, so that an error can be returned as a value and a chunk like the
/// one before it costs no allocation.
/// </summary>
public abstract class ChatStream : IAsyncDisposable
{
    /// <summary>The chunk's JSON; valid until the next <see cref="ReadAsync"/>.</summary>
    public ReadOnlyMemory<byte> Current { get; protected set; }

    /// <summary>Why the stream ended early; null while it runs and after a proper end.</summary>
    public UpstreamError? Error { get; protected set; }

    /// <summary>Whether the stream ended properly, according to its format.</summary>
    public bool SawEnd { get; protected set; }

    /// <summary>The usage reported so far, for formats that report some of it before the end; used if the stream breaks off.</summary>
    public virtual TokenUsage? UsageSoFar => null;

    /// <summary>Reads the next chunk if it has already arrived: chunks that arrive together are relayed without waiting or flushing in between.</summary>
    public virtual bool TryRead() => false;

    /// <returns>False at the end of the stream, whether proper or not.</returns>
    /// <exception cref="OperationCanceledException">The call's deadline was reached, or its caller disconnected.</exception>
    public abstract ValueTask<bool> ReadAsync();

    /// <summary>Reads the error that <see cref="Current"/> contains instead of a chunk.</summary>
    public virtual UpstreamError ReadError() => new(UpstreamFailure.ErrorEvent, "The upstream reported an error in its stream.");

    public abstract ValueTask DisposeAsync();
}
