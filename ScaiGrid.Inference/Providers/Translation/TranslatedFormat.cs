using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>A format that is not ours: its request is written anew from the parts of the caller's.</summary>
/// <param name="model">The model at the upstream.</param>
internal abstract class TranslatedFormat(string model) : ChatFormat
{
    protected byte[] ModelJson { get; } = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    /// <summary>Whether it is ours but for some fields, so that messages are what they are for an upstream of ours.</summary>
    protected virtual bool IsDialect => false;

    public sealed override PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        using var document = new RequestDocument(request, route, ModelJson, IsDialect);
        if (!IsDialect)
        {
            document.RefuseStrayItems();
        }

        var body = Write(document);
        refused = document.Refused;
        if (refused is null)
        {
            return body;
        }

        body.Dispose();
        return null;
    }

    /// <summary>Writes the upstream's request; what it cannot say is <see cref="RequestDocument.Refuse"/>d.</summary>
    protected abstract PooledBytes Write(RequestDocument document);
}
