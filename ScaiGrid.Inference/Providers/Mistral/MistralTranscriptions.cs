using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Transcriptions: a form like OpenAI's; the answer is always JSON.</summary>
internal sealed class MistralTranscriptions(UpstreamEndpoint endpoint, string model) : ITranscriptionUpstream
{
    private const string Granularities = "timestamp_granularities";

    public async Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline)
    {
        var format = request.FormatFor(route);
        if (format is not ("json" or "text" or "verbose_json"))
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("response_format", "the upstream makes json, text and verbose_json."));
        }

        using var form = new MultipartFormDataContent { { new StringContent(model), "model" } };
        var asksForTimes = false;
        foreach (var (name, value) in request.Fields)
        {
            if (name is "language" or "temperature" or "diarize" or "context_bias")
            {
                form.Add(new StringContent(value), name);
            }
            else if (name is Granularities or Granularities + "[]")
            {
                form.Add(new StringContent(value), Granularities);
                asksForTimes = true;
            }
        }

        foreach (var (name, value) in route.DefaultParams ?? [])
        {
            // The upstream rejects a language alongside times.
            var isLeftOut = request[name] is not null || (name == "language" && asksForTimes);
            if (value is not null && !isLeftOut && name is "language" or "temperature" or "diarize")
            {
                form.Add(new StringContent(value!.ToString()), name);
            }
        }

        // verbose_json is the text with its segments.
        if (format == "verbose_json" && !asksForTimes && (request["language"] ?? route.DefaultParams?["language"]?.ToString()) is null)
        {
            form.Add(new StringContent("segment"), Granularities);
        }

        using var file = RecordingContent.Of(request);
        form.Add(file, "file", request.FileName);
        return await endpoint.PostAsync(form, deadline);
    }
}
