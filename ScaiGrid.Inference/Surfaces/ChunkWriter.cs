using System.Buffers;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes an upstream's document with the frontend model's name, and without its usage if the caller must not see it.</summary>
internal static class ChunkWriter
{
    /// <summary>Writes a chunk as the <c>data:</c> line of an event.</summary>
    public static void WriteEvent(IBufferWriter<byte> body, ChunkView chunk, ModelRoute model, bool withUsage)
    {
        body.Write("data: "u8);
        WriteDocument(body, chunk, model, withUsage);
        body.Write("\n\n"u8);
    }

    /// <summary>Writes a whole completion. If the upstream gave no usage, or not all of it could be read, our own count replaces it.</summary>
    public static void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result)
    {
        if (completion is { Usage: not null, HasUnreadableUsage: false })
        {
            WriteDocument(body, completion, result.Model, withUsage: true);
            return;
        }

        using var document = new PooledBytes(completion.Json.Length + 256);
        WriteDocument(document, completion, result.Model, withUsage: false);

        // Inserted before the closing brace. The document has at least "choices", so a comma is needed.
        body.Write(document.Span[..document.Span.LastIndexOf((byte)'}')]);
        body.Write(",\"usage\":"u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            UsageWriter.WriteOpenAiValue(writer, result.Usage);
        }

        body.Write("}"u8);
    }

    private static void WriteDocument(IBufferWriter<byte> body, ChunkView chunk, ModelRoute model, bool withUsage)
    {
        var json = chunk.Json.Span;
        var usage = withUsage ? default : chunk.UsageProperty;
        var (first, second) = usage.Exists && usage.Start < chunk.Model.Start ? (usage, chunk.Model) : (chunk.Model, usage);
        var position = 0;
        Splice(body, json, first, ref position, chunk.Model, model);
        Splice(body, json, second, ref position, chunk.Model, model);
        JsonLine.Append(body, json[position..]);
    }

    private static void Splice(IBufferWriter<byte> body, ReadOnlySpan<byte> json, JsonSpan span, ref int position, JsonSpan modelSpan, ModelRoute model)
    {
        if (!span.Exists)
        {
            return;
        }

        JsonLine.Append(body, json[position..span.Start]);
        if (span == modelSpan)
        {
            body.Write(model.SlugJson);
        }

        position = span.End;
    }
}
