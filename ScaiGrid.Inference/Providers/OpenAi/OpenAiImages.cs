using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// Pictures of one backend that speaks OpenAI's format. Where the caller named a format, base64 is asked for whichever it was: a link of the
/// upstream's would have to be fetched. OpenAI's newer models give nothing else and refuse to be asked.
/// </summary>
/// <param name="endpoint">Where.</param>
/// <param name="model">The model at the upstream.</param>
/// <param name="asksForFormat">False where no model may be asked: it answers in the format it has.</param>
internal sealed class OpenAiImages(UpstreamEndpoint endpoint, string model, bool asksForFormat = true) : IDocumentUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);
    private readonly bool _mayAsk =
        asksForFormat && !model.StartsWith("gpt-image", StringComparison.Ordinal) && !model.StartsWith("chatgpt-image", StringComparison.Ordinal);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallActivity activity)
    {
        var format = _mayAsk && request.Has("response_format") ? "\"b64_json\""u8.ToArray() : [];
        using var body = request.Rewrite(route, _modelJson, KeyValuePair.Create("response_format", format), KeyValuePair.Create<string, byte[]>("metadata", []));
        return await endpoint.PostJsonAsync(body, activity);
    }
}
