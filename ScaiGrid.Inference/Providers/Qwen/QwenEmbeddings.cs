using System.Text.Json;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Embeddings, always as numbers: the upstream does not support base64.</summary>
internal sealed class QwenEmbeddings(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private const int MostTexts = 10;

    private static readonly KnownFields Fields = new("input", "dimensions");
    private static readonly KnownFields OfSlices = new("dimensions");

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var input = JsonDocument.Parse(request["input"]);
        var texts = EmbeddingInput.Texts(input.RootElement);
        return await EmbeddingSlices.SendAsync(texts, MostTexts, async slice =>
        {
            // Input that is not sliced, or is not text, is sent as the caller wrote it.
            using var body = slice == texts ? Fields.Write(request, route, model) : Write(slice, request, route);
            return await endpoint.PostJsonAsync(body, deadline);
        });
    }

    private PooledBytes Write(IReadOnlyList<string> texts, JsonRequest request, ModelRoute route)
    {
        var body = new PooledBytes(1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        writer.WriteStartArray("input"u8);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
        OfSlices.WriteFields(writer, request, route);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }
}
