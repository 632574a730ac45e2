using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The caller's format is the upstream's: bytes go through, with the model's name replaced.</summary>
internal sealed class OpenAiFormat(string model, bool isOpenAi) : ChatFormat
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public override PooledBytes WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        refused = null;
        return ChatRequestEditor.Edit(request, route, _modelJson, isOpenAi);
    }
}
