using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// Images from a backend that uses OpenAI's format. If the caller or the model's defaults name a format, base64 is requested in any case, because an upstream's link
/// would have to be fetched. OpenAI's newer models return only base64 and reject the field.
/// </summary>
/// <param name="endpoint">The endpoint.</param>
/// <param name="model">The upstream's name of the model.</param>
/// <param name="asksForFormat">False if the model may reject the field: none is sent, and it answers in its default format.</param>
internal sealed class OpenAiImages(UpstreamEndpoint endpoint, string model, bool asksForFormat = true) : IDocumentUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);
    private readonly bool _mayAsk = asksForFormat && !IsGptImage(model);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var format = _mayAsk && !request.Value("response_format", route).IsEmpty ? "\"b64_json\""u8.ToArray() : [];
        using var body = request.Rewrite(route, _modelJson, KeyValuePair.Create("response_format", format), KeyValuePair.Create<string, byte[]>("metadata", []));
        return await endpoint.PostJsonAsync(body, deadline);
    }

    // Gateways such as OpenRouter put the maker before the name.
    private static bool IsGptImage(string model)
    {
        var name = model.AsSpan(model.LastIndexOf('/') + 1);
        return name.StartsWith("gpt-image", StringComparison.Ordinal) || name.StartsWith("chatgpt-image", StringComparison.Ordinal);
    }
}
