using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Embeddings: OpenAI's, except for the name of one field.</summary>
internal sealed class MistralEmbeddings(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private static readonly KnownFields Fields = new("input", ("dimensions", "output_dimension"), "output_dimension", "output_dtype", "encoding_format", "metadata");

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = Fields.Write(request, route, model);
        return await endpoint.PostJsonAsync(body, deadline);
    }
}
