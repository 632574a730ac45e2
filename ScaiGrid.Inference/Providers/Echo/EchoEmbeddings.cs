using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>
/// Vectors from hashed words: equal texts get equal vectors, and texts that share words are similar. Enough to try the API, but not a
/// substitute for a model.
/// </summary>
internal sealed class EchoEmbeddings : IDocumentUpstream
{
    private const int DefaultDimensions = 256;
    private const int MaxDimensions = 4096;

    public Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var dimensions = request.WholeNumber("dimensions", route) ?? DefaultDimensions;
        using var document = JsonDocument.Parse(request["input"]);
        var texts = EmbeddingInput.Texts(document.RootElement);
        if (texts.Count == 0)
        {
            return Task.FromResult(DocumentReply.Failed(UpstreamError.Unsupported("input", "the echo embeds texts only, no token numbers.")));
        }

        if (dimensions > MaxDimensions)
        {
            return Task.FromResult(DocumentReply.Failed(UpstreamError.Unsupported("dimensions", $"the echo makes at most {MaxDimensions}.")));
        }

        return Task.FromResult(DocumentReply.Completed(Write(texts, (int)dimensions)));
    }

    private static PooledBytes Write(IReadOnlyList<string> texts, int dimensions)
    {
        var bytes = new PooledBytes();
        using var writer = new Utf8JsonWriter(bytes);
        writer.WriteStartObject();
        writer.WriteStartArray("data"u8);
        for (var i = 0; i < texts.Count; i++)
        {
            writer.WriteStartObject();
            writer.WriteNumber("index"u8, i);
            writer.WriteStartArray("embedding"u8);
            foreach (var value in Embed(texts[i], dimensions))
            {
                writer.WriteNumberValue(value);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        UsageWriter.WriteOpenAi(writer, new TokenUsage(texts.Sum(TokenCounter.Count), Completion: 0), withDetails: false);
        writer.WriteEndObject();
        writer.Flush();
        return bytes;
    }

    private static float[] Embed(string text, int dimensions)
    {
        var vector = new float[dimensions];
        foreach (var word in text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(word.ToUpperInvariant()));
            for (var i = 0; i + 4 <= hash.Length; i += 4)
            {
                var part = BinaryPrimitives.ReadUInt32LittleEndian(hash.AsSpan(i));
                vector[(int)(part % (uint)dimensions)] += part < uint.MaxValue / 2 ? 1 : -1;
            }
        }

        var length = MathF.Sqrt(vector.Sum(value => value * value));
        return length == 0 ? vector : [.. vector.Select(value => value / length)];
    }
}
