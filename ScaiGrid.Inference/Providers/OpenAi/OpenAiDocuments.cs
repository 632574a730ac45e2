using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>An operation of a backend that uses OpenAI's format: the caller's bytes are passed through with the upstream's model name.</summary>
internal sealed class OpenAiDocuments(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = request.Rewrite(route, _modelJson);
        return await endpoint.PostJsonAsync(body, deadline);
    }
}
