using System.Buffers;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Chat, or what runs on it, as one document in and one out.</summary>
/// <param name="pipeline">Runs it.</param>
/// <param name="read">Makes a chat request of the body, which it takes over.</param>
/// <param name="write">Makes the surface's answer of a completion; the last parameter is the protocol.</param>
internal sealed class WholeChatOperation(
    ChatPipeline pipeline, WholeChatOperation.Reader read, Action<IBufferWriter<byte>, ChunkView, CallResult, string> write) : IJsonOperation
{
    public delegate ChatRequest? Reader(PooledBytes body, out Problem? problem);

    public async Task<Problem?> RunAsync(PooledBytes body, CallContext call, IBufferWriter<byte> answer, CancellationToken callerGone)
    {
        using var request = read(body, out var problem);
        if (request is null)
        {
            return problem;
        }

        if (request.Stream)
        {
            return Problem.Invalid("stream", "must be false here.");
        }

        await using var responder = new Responder(answer, call.Protocol, write);
        await pipeline.RunAsync(request, call, responder, callerGone);
        return responder.Problem;
    }

    public static ChatRequest? ReadChat(PooledBytes body, out Problem? problem)
    {
        if (ChatRequestReader.TryRead(body, out var request, out problem))
        {
            return request;
        }

        body.Dispose();
        return null;
    }

    public static void WriteChat(IBufferWriter<byte> answer, ChunkView completion, CallResult result, string protocol)
    {
        if (protocol == Protocols.OpenAi)
        {
            ChunkWriter.WriteCompletion(answer, completion, result);
        }
        else
        {
            NativeChatDocument.Write(answer, completion, result);
        }
    }

    private sealed class Responder(IBufferWriter<byte> answer, string protocol, Action<IBufferWriter<byte>, ChunkView, CallResult, string> write) : IChatResponder
    {
        public Problem? Problem { get; private set; }

        // Shown by the call's context.
        public void ShowLimits(RateLimitState limits)
        {
        }

        public ValueTask FailAsync(Problem problem)
        {
            Problem = problem;
            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(ChunkView completion, CallResult result)
        {
            write(answer, completion, result, protocol);
            return ValueTask.CompletedTask;
        }

        public ValueTask BeginStreamAsync(Attempt attempt) => throw new InvalidOperationException("Streams are refused.");

        public ValueTask ChunkAsync(in ChunkView chunk) => throw new InvalidOperationException("Streams are refused.");

        public ValueTask FlushAsync() => throw new InvalidOperationException("Streams are refused.");

        public ValueTask EndStreamAsync(CallResult result) => throw new InvalidOperationException("Streams are refused.");

        public ValueTask FailStreamAsync(Problem problem) => FailAsync(problem);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
