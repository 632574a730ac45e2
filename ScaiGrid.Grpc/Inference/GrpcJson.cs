using System.Text.Encodings.Web;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Grpc.Inference;

/// <summary>Writes a gRPC message as the JSON document that an operation reads, within the bound of all requests.</summary>
internal static class GrpcJson
{
    /// <summary>The length in which texts are written: the writer needs memory for the longest form that a piece may have.</summary>
    private const int PieceLength = 16 * 1024;

    // As HTTP callers write it: escaping every letter that is not ASCII would make the document, and what is reserved for it, several times as large.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256 };

    private static readonly Problem TooLarge =
        new(CoreErrors.PayloadTooLarge, $"A request has at most {InferenceOptions.MaxRequestBytes / 1024 / 1024} MiB as JSON.");

    /// <param name="capacity">The expected length.</param>
    /// <param name="writeFields">Writes the fields of the document's object.</param>
    public static PooledBytes Write(int capacity, Action<Utf8JsonWriter> writeFields)
    {
        var body = new PooledBytes(capacity);
        try
        {
            using var writer = new Utf8JsonWriter(body, Options);
            writer.WriteStartObject();
            writeFields(writer);
            writer.WriteEndObject();
            writer.Flush();
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Writes a property with a text of any length.</summary>
    public static void WriteText(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, string text)
    {
        writer.WritePropertyName(name);
        writer.WriteText(text);
    }

    /// <summary>Writes a text of any length.</summary>
    public static void WriteText(this Utf8JsonWriter writer, string text)
    {
        var rest = text.AsSpan();
        while (rest.Length > PieceLength)
        {
            writer.WriteStringValueSegment(rest[..PieceLength], isFinalSegment: false);
            rest = rest[PieceLength..];
            writer.Bound(more: 0);
        }

        writer.WriteStringValueSegment(rest, isFinalSegment: true);
        writer.Bound(more: 0);
    }

    /// <summary>Writes a name that the caller chose.</summary>
    public static void WriteName(this Utf8JsonWriter writer, string name)
    {
        // Six bytes for each letter is the longest form.
        writer.Bound(more: name.Length * 6L);
        writer.WritePropertyName(name);
    }

    private static void Bound(this Utf8JsonWriter writer, long more)
    {
        if (writer.BytesCommitted + writer.BytesPending + more > InferenceOptions.MaxRequestBytes)
        {
            throw new ApiException(TooLarge);
        }
    }
}
