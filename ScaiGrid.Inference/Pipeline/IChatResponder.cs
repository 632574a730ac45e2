using ScaiGrid.Core.Errors;
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

    ValueTask BeginStreamAsync(InferenceCall call);

    /// <summary>Takes a chunk, which is copied or sent before this returns; <see cref="FlushAsync"/> follows, after one chunk or a few.</summary>
    ValueTask ChunkAsync(in ChunkView chunk);

    /// <summary>Nothing more has come from the upstream: what was taken goes to the caller now.</summary>
    ValueTask FlushAsync();

    ValueTask EndStreamAsync(CallResult result);

    /// <summary>An error after the first byte.</summary>
    ValueTask FailStreamAsync(Problem problem);
}
