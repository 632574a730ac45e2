using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Transcriptions from a backend that uses OpenAI's format: the caller's form, with the upstream's model name.</summary>
internal sealed class OpenAiTranscriptions(UpstreamEndpoint endpoint, string model) : ITranscriptionUpstream
{
    public async Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var form = new MultipartFormDataContent { { new StringContent(model), "model" } };
        foreach (var (name, value) in request.Fields.Where(field => field.Key != "model"))
        {
            // Only JSON reports usage; the surface extracts the plain text from it.
            form.Add(new StringContent(name == "response_format" && value == "text" ? "json" : value), name);
        }

        foreach (var (name, value) in route.DefaultParams ?? [])
        {
            // A model that once had another modality may have defaults that no form field can hold.
            if (value is not null && request[name] is null && TranscriptionRequest.CanBeNamed(name))
            {
                form.Add(new StringContent(value.ToString()), name);
            }
        }

        using var file = RecordingContent.Of(request);
        form.Add(file, "file", request.FileName);
        return await endpoint.PostAsync(form, deadline);
    }
}
