using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>How an upstream answered: exactly one of the three is set.</summary>
public readonly struct ChatReply
{
    /// <summary>A whole answer in OpenAI's <c>chat.completion</c> format.</summary>
    public PooledBytes? Completion { get; private init; }

    /// <summary>A stream of OpenAI <c>chat.completion.chunk</c> documents.</summary>
    public ChatStream? Stream { get; private init; }

    public UpstreamError? Error { get; private init; }

    public static ChatReply Completed(PooledBytes completion) => new() { Completion = completion };

    public static ChatReply Streaming(ChatStream stream) => new() { Stream = stream };

    public static ChatReply Failed(UpstreamError error) => new() { Error = error };
}

/// <summary>
/// A stream of chunks from an upstream. Not an <see cref="IAsyncEnumerable{T}"/>: the way it ends is a value, and a chunk costs no allocation.
/// </summary>
public abstract class ChatStream : IAsyncDisposable
{
    /// <summary>The chunk's JSON; valid until the next <see cref="ReadAsync"/>.</summary>
    public ReadOnlyMemory<byte> Current { get; protected set; }

    /// <summary>Why the stream ended early; null while it runs and after a proper end.</summary>
    public UpstreamError? Error { get; protected set; }

    /// <summary>Whether the upstream marked the end of the stream, where its format has such a mark.</summary>
    public bool SawEnd { get; protected set; }

    /// <summary>What the upstream has said of its usage, where its format says some of it before the end; for a stream that does not come to it.</summary>
    public virtual TokenUsage? UsageSoFar => null;

    /// <summary>Reads the next chunk if it is here already: what came together is relayed without a wait, and without a flush, between.</summary>
    public virtual bool TryRead() => false;

    /// <returns>False at the end, proper or not.</returns>
    /// <exception cref="OperationCanceledException">The call's deadline was reached, or its caller disconnected.</exception>
    public abstract ValueTask<bool> ReadAsync();

    /// <summary>The error that stands in a chunk's place in <see cref="Current"/>.</summary>
    public virtual UpstreamError ReadError() => new(UpstreamFailure.ErrorEvent, "The upstream reported an error in its stream.");

    public abstract ValueTask DisposeAsync();
}
