using System.Buffers;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>An operation that takes one JSON document and answers with one. Independent of HTTP, so that it can be called over gRPC as well.</summary>
internal interface IJsonOperation
{
    /// <param name="body">The request; disposed by the operation.</param>
    /// <param name="context">Its protocol determines the shape of the answer.</param>
    /// <param name="answer">Receives the answer, unless there is a problem.</param>
    /// <param name="callerGone">Cancelled when the caller disconnects.</param>
    /// <returns>The problem to answer with; null on success.</returns>
    Task<Problem?> RunAsync(PooledBytes body, CallContext context, IBufferWriter<byte> answer, CancellationToken callerGone);
}
