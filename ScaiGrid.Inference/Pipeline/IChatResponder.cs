using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// A surface's way of answering. The pipeline calls exactly one of: <see cref="FailAsync"/>; <see cref="CompleteAsync"/>;
/// <see cref="BeginStreamAsync"/>, then chunks, then <see cref="EndStreamAsync"/> or <see cref="FailStreamAsync"/>.
/// </summary>
public interface IChatResponder : IAsyncDisposable
{
    /// <summary>An error before the first byte.</summary>
    ValueTask FailAsync(Problem problem);

    /// <summary>A whole answer, a <c>chat.completion</c> document.</summary>
    ValueTask CompleteAsync(ChunkView completion, CallResult result);

    ValueTask BeginStreamAsync(ModelRoute model);

    ValueTask ChunkAsync(ChunkView chunk);

    ValueTask EndStreamAsync(CallResult result);

    /// <summary>An error after the first byte.</summary>
    ValueTask FailStreamAsync(Problem problem);
}
