using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>What all chunks of a stream have in common, <c>id</c> and <c>created</c> above all: for the one that we put behind the upstream's.</summary>
internal sealed class ChunkHead
{
    private byte[]? _id;
    private byte[]? _created;

    /// <summary>Keeps it of the first that has a choice: what comes before, as the results of a filter do, may have another, or none.</summary>
    public void Take(in ChunkView chunk)
    {
        if (_id is null && chunk is { HasChoices: true, Id.Exists: true })
        {
            _id = ValueOf(in chunk, chunk.Id);
            _created = chunk.Created.Exists ? ValueOf(in chunk, chunk.Created) : null;
        }
    }

    /// <summary>Begins a chunk without choices.</summary>
    /// <param name="writer">Inside the object.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="requestId">The id where the upstream gave none.</param>
    /// <param name="now">When it was created, where the upstream did not say.</param>
    public void Write(Utf8JsonWriter writer, ModelRoute model, string requestId, DateTimeOffset now)
    {
        writer.WritePropertyName("id"u8);
        if (_id is null)
        {
            writer.WriteStringValue(requestId);
        }
        else
        {
            writer.WriteRawValue(_id);
        }

        writer.WriteString("object"u8, "chat.completion.chunk"u8);
        writer.WritePropertyName("created"u8);
        if (_created is null)
        {
            writer.WriteNumberValue(now.ToUnixTimeSeconds());
        }
        else
        {
            writer.WriteRawValue(_created);
        }

        writer.WriteString("model"u8, model.Slug);
        writer.WriteStartArray("choices"u8);
        writer.WriteEndArray();
    }

    private static byte[] ValueOf(in ChunkView chunk, JsonSpan value) => chunk.Json.Slice(value.Start, value.Length).ToArray();
}
