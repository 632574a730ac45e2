using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Model Studio's dialect of chat completions. Its answers are ours as they are.</summary>
internal sealed class QwenFormat(string model) : ChatFormat
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public override PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        using var document = new RequestDocument(request, route, _modelJson);
        var body = QwenRequest.Write(document);
        refused = document.Refused;
        if (refused is null)
        {
            return body;
        }

        body.Dispose();
        return null;
    }
}
