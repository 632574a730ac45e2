using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary><c>/oai/v1/chat/completions</c>: the upstream's documents, with the frontend model's name.</summary>
internal sealed class OpenAiChatResponder(HttpContext context, TimeProvider time, bool includeUsage) : HttpChatResponder(context, time)
{
    private readonly ChunkHead _head = new();
    private bool _sentUsage;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result) =>
        ChunkWriter.WriteCompletion(body, Known(completion), result);

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        // Usage-only chunks are dropped if the caller did not ask for usage (we did), or if the usage could not be read.
        if (!chunk.HasChoices && (chunk.HasUnreadableUsage || (!includeUsage && chunk.Usage is not null)))
        {
            return;
        }

        _head.Take(chunk);
        _sentUsage |= chunk is { Usage: not null, HasUnreadableUsage: false };
        ChunkWriter.WriteEvent(body, Known(chunk), Model, includeUsage && !chunk.HasUnreadableUsage);
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        if (!includeUsage || _sentUsage)
        {
            return;
        }

        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            _head.Write(writer, result.Model, Context.TraceIdentifier, Time.GetUtcNow());
            UsageWriter.WriteOpenAi(writer, result.Usage);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteError(IBufferWriter<byte> body, Problem problem) => StreamErrors.WriteOpenAi(body, problem);

    /// <summary>The document with finish reasons that OpenAI's clients know.</summary>
    private static ChunkView Known(ChunkView document) =>
        document.HasForeignFinish ? ChunkView.Scan(FinishReasons.ToOpenAi(document.Json), output: null) : document;
}
