using System.Text.Json;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// Embeddings from OpenAI's own API. For many inputs base64 is requested, whatever the caller wants: their vectors as numbers may be larger than
/// <see cref="InferenceOptions.MaxUpstreamBytes"/>. For few it is not needed, and the caller's bytes are passed through.
/// </summary>
internal sealed class OpenAiEmbeddings(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    // With the longest vectors, one number on a line, these are below 50 MB.
    private const int MostAsNumbers = 512;

    private static readonly KeyValuePair<string, byte[]>[] Base64 = [KeyValuePair.Create("encoding_format", "\"base64\""u8.ToArray())];

    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = request.Rewrite(route, _modelJson, EmbeddingInput.Count(request) > MostAsNumbers ? Base64 : []);
        return await endpoint.PostJsonAsync(body, deadline);
    }
}
