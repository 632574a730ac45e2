using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary><c>/v1/inference/chat</c>: a normalised answer under <c>data</c>; in streams, the chunks, and a last one with the usage.</summary>
internal sealed class NativeChatResponder(HttpContext context, TimeProvider time) : HttpChatResponder(context, time)
{
    private byte[]? _id;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result) =>
        NativeChatDocument.Write(body, completion, result);

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        // What comes before the first choice, as the results of a filter do, may have another id, or none.
        if (!chunk.HasChoices)
        {
            return;
        }

        if (_id is null && chunk.Id.Exists)
        {
            _id = chunk.Json.Slice(chunk.Id.Start, chunk.Id.Length).ToArray();
        }

        if (chunk.IsNormal)
        {
            ChunkWriter.WriteEvent(body, chunk, Model, withUsage: false);
            return;
        }

        // The few whose words are not the surface's; the others go through as bytes.
        body.Write("data: "u8);
        NativeChatDocument.WriteChunk(body, chunk, Model);
        body.Write("\n\n"u8);
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("id"u8);
            writer.WriteRawValue(_id ?? "null"u8.ToArray());
            writer.WriteString("object"u8, "chat.completion.chunk"u8);
            writer.WriteString("model"u8, result.Model.Slug);
            writer.WriteStartArray("choices"u8);
            writer.WriteEndArray();
            UsageJsonWriter.WriteNative(writer, result.Usage);
            RoutingJsonWriter.Write(writer, result);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteError(IBufferWriter<byte> body, Problem problem) => StreamErrors.WriteNative(body, problem);
}
