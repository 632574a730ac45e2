using System.Buffers;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>An operation that takes one JSON document and answers with one; whoever has the bytes can call it, over HTTP or not.</summary>
internal interface IJsonOperation
{
    /// <param name="body">The request; disposed by the operation.</param>
    /// <param name="context">Its protocol decides on the shape of the answer.</param>
    /// <param name="answer">Gets the answer, unless there is a problem.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>What to answer instead.</returns>
    Task<Problem?> RunAsync(PooledBytes body, CallContext context, IBufferWriter<byte> answer, CancellationToken callerGone);
}
