using System.Text.Json;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>Google's <c>batchEmbedContents</c>: one request per text, with the vectors in the same order.</summary>
internal sealed class GoogleEmbeddings(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private const int MostTexts = 100;

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var input = JsonDocument.Parse(request["input"]);
        var texts = EmbeddingInput.Texts(input.RootElement);
        if (texts.Count == 0)
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("input", "the upstream embeds texts only, no token numbers."));
        }

        var dimensions = request.WholeNumber("dimensions", route);
        return await EmbeddingSlices.SendAsync(texts, MostTexts, async slice =>
        {
            using var body = Write(slice, dimensions);
            var reply = await endpoint.PostJsonAsync(body, deadline);
            return reply.Document is { } document ? GoogleDocuments.Translate(document, TranslateVectors) : reply;
        });
    }

    private PooledBytes Write(IReadOnlyList<string> texts, long? dimensions)
    {
        var body = new PooledBytes();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteStartArray("requests"u8);
        foreach (var text in texts)
        {
            writer.WriteStartObject();
            writer.WriteString("model"u8, $"models/{model}");
            GoogleDocuments.WriteContent(writer, "content", text);
            if (dimensions is { } length)
            {
                writer.WriteNumber("outputDimensionality"u8, length);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void TranslateVectors(Utf8JsonWriter writer, JsonElement answer)
    {
        var index = 0;
        foreach (var embedding in answer.GetProperty("embeddings"u8).EnumerateArray())
        {
            writer.WriteStartObject();
            writer.WriteNumber("index"u8, index++);
            writer.WritePropertyName("embedding"u8);
            writer.WriteRawValue(embedding.GetProperty("values"u8).GetRawText());
            writer.WriteEndObject();
        }
    }
}
