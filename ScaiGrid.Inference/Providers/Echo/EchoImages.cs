using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>Small tiles whose colours derive from the prompt's hash: images to try the API with.</summary>
internal sealed class EchoImages : IDocumentUpstream
{
    private const int Tiles = 8;
    private const int Side = 64;

    public Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var prompt = request.Text("prompt") ?? "";
        var bytes = new PooledBytes();
        using var writer = new Utf8JsonWriter(bytes);
        writer.WriteStartObject();
        writer.WriteStartArray("data"u8);
        for (var i = 0; i < (request.WholeNumber("n", route) ?? 1); i++)
        {
            writer.WriteStartObject();
            writer.WriteBase64String("b64_json"u8, Png(SHA256.HashData(Encoding.UTF8.GetBytes($"{i} {prompt}"))));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        UsageWriter.WriteOpenAi(writer, new TokenUsage(TokenCounter.Count(prompt), Completion: 0), withDetails: false);
        writer.WriteEndObject();
        writer.Flush();
        return Task.FromResult(DocumentReply.Completed(bytes));
    }

    private static byte[] Png(byte[] hash)
    {
        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, Side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Side);

        // Eight bits per channel, three channels.
        (header[8], header[9]) = (8, 2);
        WriteChunk(png, "IHDR"u8, header);
        using var pixels = new MemoryStream();
        using (var compressor = new ZLibStream(pixels, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var y = 0; y < Side; y++)
            {
                compressor.WriteByte(0);
                for (var x = 0; x < Side; x++)
                {
                    var tile = ((y * Tiles / Side) * Tiles) + (x * Tiles / Side);
                    compressor.Write([hash[tile % 32], hash[(tile * 7 + 11) % 32], hash[(tile * 13 + 5) % 32]]);
                }
            }
        }

        WriteChunk(png, "IDAT"u8, pixels.ToArray());
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] content = [.. type, .. data];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(content));
        png.Write(number);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB88320;
            }
        }

        return ~crc;
    }
}
