using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>A format other than OpenAI's: its request is written from the parts of the caller's.</summary>
/// <param name="model">The upstream's name of the model.</param>
internal abstract class TranslatedFormat(string model) : ChatFormat
{
    protected byte[] ModelJson { get; } = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    /// <summary>The dialect, if the format is OpenAI's except for some fields, so that messages are written as for an OpenAI upstream; null if it is not.</summary>
    protected virtual OpenAiDialect? Dialect => null;

    public sealed override PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        using var document = new RequestDocument(request, route, ModelJson, Dialect);
        if (Dialect is null)
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

    /// <summary>Writes the upstream's request. What it cannot express is reported with <see cref="RequestDocument.Refuse"/>.</summary>
    protected abstract PooledBytes Write(RequestDocument document);
}
