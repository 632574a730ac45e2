using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A client of one backend for an operation that takes a JSON document and answers with one, both in OpenAI's format: embeddings, images,
/// moderations. Shared by all calls; holds no state of any.
/// </summary>
public interface IDocumentUpstream
{
    /// <param name="request">The caller's request.</param>
    /// <param name="route">The frontend model that was asked for.</param>
    /// <param name="deadline">Cancelled by the caller's disconnect and by the call's timeouts.</param>
    Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline);
}

/// <summary>How an upstream answered: exactly one of the two is set.</summary>
public readonly struct DocumentReply
{
    /// <summary>A document in OpenAI's format of the operation, which the receiver disposes.</summary>
    public PooledBytes? Document { get; private init; }

    public UpstreamError? Error { get; private init; }

    public static DocumentReply Completed(PooledBytes document) => new() { Document = document };

    public static DocumentReply Failed(UpstreamError error) => new() { Error = error };
}
