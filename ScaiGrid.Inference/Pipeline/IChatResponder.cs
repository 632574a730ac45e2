using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Writes the answer of a surface. The pipeline calls either <see cref="CompleteAsync"/>, or <see cref="BeginStreamAsync"/>, then chunks, then
/// <see cref="EndStreamAsync"/> or <see cref="FailStreamAsync"/>. It calls nothing if the call failed before the first byte.
/// </summary>
public interface IChatResponder : IAsyncDisposable
{
    /// <summary>A whole answer, a <c>chat.completion</c> document.</summary>
    ValueTask CompleteAsync(ChunkView completion, CallResult result);

    ValueTask BeginStreamAsync(InferenceCall call);

    /// <summary>
    /// Accepts a chunk, which is copied or sent before this returns: the view changes with the next one. After one or more chunks <see cref="FlushAsync"/>
    /// follows, or the end.
    /// </summary>
    ValueTask ChunkAsync(ChunkView chunk);

    /// <summary>Sends the accepted chunks to the caller. The next chunk is being read meanwhile.</summary>
    ValueTask FlushAsync();

    ValueTask EndStreamAsync(CallResult result);

    /// <summary>An error after the first byte.</summary>
    ValueTask FailStreamAsync(Problem problem);
}
