using System.Text.Json;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>The <c>id</c> and <c>created</c> that all chunks of a stream share, kept for the chunk that we append ourselves.</summary>
internal sealed class ChunkHead
{
    private byte[]? _id;
    private byte[]? _created;

    /// <summary>Keeps both from the first chunk with a choice: earlier chunks, such as results of a content filter, may have other values or none.</summary>
    public void Take(ChunkView chunk)
    {
        if (_id is null && chunk is { HasChoices: true, Id.Exists: true })
        {
            _id = ValueOf(chunk, chunk.Id);
            _created = chunk.Created.Exists ? ValueOf(chunk, chunk.Created) : null;
        }
    }

    /// <summary>Starts a chunk without choices.</summary>
    /// <param name="writer">Positioned inside the object.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="requestId">The id to use if the upstream gave none.</param>
    /// <param name="now">The creation time to use if the upstream gave none.</param>
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

    private static byte[] ValueOf(ChunkView chunk, JsonSpan value) => chunk.Json.Slice(value.Start, value.Length).ToArray();
}
