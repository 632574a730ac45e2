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
        if (request.ResponseFormat is "srt" or "vtt")
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
            if (value is not null && name is "language" or "temperature" or "diarize" && request[name] is null)
            {
                form.Add(new StringContent(value!.ToString()), name);
            }
        }

        // verbose_json is the text with its segments; the upstream does not return them if a language is set.
        if (request.ResponseFormat == "verbose_json" && !asksForTimes && request["language"] is null)
        {
            form.Add(new StringContent("segment"), Granularities);
        }

        using var file = RecordingContent.Of(request);
        form.Add(file, "file", request.FileName);
        return await endpoint.PostAsync(form, deadline);
    }
}
