using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// Images from a backend that uses OpenAI's format. If the caller named a format, base64 is requested in any case, because an upstream's link
/// would have to be fetched. OpenAI's newer models return only base64 and reject the field.
/// </summary>
/// <param name="endpoint">The endpoint.</param>
/// <param name="model">The upstream's name of the model.</param>
/// <param name="asksForFormat">False if the model may reject the field: none is sent, and it answers in its default format.</param>
internal sealed class OpenAiImages(UpstreamEndpoint endpoint, string model, bool asksForFormat = true) : IDocumentUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);
    private readonly bool _mayAsk =
        asksForFormat && !model.StartsWith("gpt-image", StringComparison.Ordinal) && !model.StartsWith("chatgpt-image", StringComparison.Ordinal);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var format = _mayAsk && request.Has("response_format") ? "\"b64_json\""u8.ToArray() : [];
        using var body = request.Rewrite(route, _modelJson, KeyValuePair.Create("response_format", format), KeyValuePair.Create<string, byte[]>("metadata", []));
        return await endpoint.PostJsonAsync(body, deadline);
    }
}
