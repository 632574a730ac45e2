using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>An upstream's answer: exactly one of <see cref="Document"/> and <see cref="Error"/> is set.</summary>
public readonly struct DocumentReply
{
    /// <summary>A document in OpenAI's format of the operation; the receiver disposes it.</summary>
    public PooledBytes? Document { get; private init; }

    public UpstreamError? Error { get; private init; }

    /// <summary>With an error: what the upstream did before it, and charges for; null if nothing.</summary>
    internal MeteredUsage? Spent { get; init; }

    public static DocumentReply Completed(PooledBytes document) => new() { Document = document };

    public static DocumentReply Failed(UpstreamError error) => new() { Error = error };
}
