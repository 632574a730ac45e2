using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary><c>/v1/inference/chat</c>: a normalised answer under <c>data</c>; in streams, the chunks and a last one with the usage.</summary>
internal sealed class NativeChatResponder(HttpContext context, TimeProvider time) : HttpChatResponder(context, time)
{
    private readonly ChunkHead _head = new();
    private readonly SplitPairs _pairs = new();
    private readonly ReasoningMarks _marks = new();

    protected override bool WritesAlike => !_pairs.HoldsHalf;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result) =>
        NativeChatDocument.Write(body, completion, result);

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        if (!chunk.HasChoices)
        {
            return;
        }

        _head.Take(chunk);
        if (chunk.IsNormal && !(chunk.HasFinish && _marks.Any))
        {
            ChunkWriter.WriteEvent(body, chunk, Model, withUsage: false);
            return;
        }

        // The few chunks that are not in the native form; all others are passed through as bytes.
        body.Write("data: "u8);
        var answer = _pairs.Join(ChatAnswer.Parse(chunk.Json));
        NativeChatDocument.WriteChunk(body, answer, Model, choice => _marks.ExtraContent(choice, Backend));
        body.Write("\n\n"u8);
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            _head.Write(writer, result.Model, Context.TraceIdentifier, Time.GetUtcNow());
            UsageWriter.WriteNative(writer, result.Usage);
            RoutingJsonWriter.Write(writer, result);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteError(IBufferWriter<byte> body, Problem problem) => StreamErrors.WriteNative(body, problem);
}
