using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Speech from a backend that uses OpenAI's format.</summary>
internal sealed class OpenAiSpeech(UpstreamEndpoint endpoint, string model) : ISpeechUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public async Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = request.Rewrite(route, _modelJson);
        using var content = UpstreamAddress.JsonContent(body);
        var (response, error) = await endpoint.OpenAsync(content, deadline);
        if (response is null)
        {
            return SpeechReply.Failed(error!);
        }

        // An upstream must never serve a web page to a caller's browser.
        var type = response.Content.Headers.ContentType?.MediaType ?? "application/octet-stream";
        if (!type.StartsWith("audio/", StringComparison.OrdinalIgnoreCase) && type != "application/octet-stream")
        {
            using (response)
            {
                return SpeechReply.Failed(await endpoint.MismatchAsync(response, "The upstream answered with something that is no audio.", deadline));
            }
        }

        return new SpeechReply(await response.Content.ReadAsStreamAsync(deadline.Token), type, Error: null, response);
    }
}
