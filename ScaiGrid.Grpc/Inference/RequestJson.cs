using System.Text.Encodings.Web;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Grpc.Inference;

/// <summary>Writes the JSON documents of gRPC requests as short as a caller over HTTP would: without escapes that JSON does not need.</summary>
internal static class RequestJson
{
    /// <summary>A message has at most the size of a request over HTTP. Line ends and quotation marks have twice the length in JSON.</summary>
    private const long MostBytes = 2L * InferenceOptions.MaxRequestBytes;

    /// <summary>Characters that are written at once: the writer takes up to 18 bytes of memory for each.</summary>
    private const int PieceChars = 64 * 1024;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Utf8JsonWriter Writer(PooledBytes body) => new(body, Options);

    /// <exception cref="ApiException">The document is too large.</exception>
    public static void WriteText(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, string text)
    {
        writer.WritePropertyName(name);
        writer.WriteText(text);
    }

    /// <inheritdoc cref="WriteText(Utf8JsonWriter, ReadOnlySpan{byte}, string)"/>
    public static void WriteText(this Utf8JsonWriter writer, string text)
    {
        var rest = text.AsSpan();
        for (; rest.Length > PieceChars; rest = rest[PieceChars..])
        {
            writer.WriteStringValueSegment(rest[..PieceChars], isFinalSegment: false);
            if (writer.BytesCommitted + writer.BytesPending > MostBytes)
            {
                throw new ApiException(new Problem(CoreErrors.PayloadTooLarge, $"As JSON, a message has at most {MostBytes / 1024 / 1024} MiB."));
            }
        }

        writer.WriteStringValueSegment(rest, isFinalSegment: true);
    }
}
