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
        if (request.NamedFormat(route) is { } format)
        {
            // Only JSON reports usage; the surface extracts the plain text from it.
            form.Add(new StringContent(format == "text" ? "json" : format), "response_format");
        }

        foreach (var (name, value) in request.Fields.Where(field => field.Key is not ("model" or "response_format")))
        {
            form.Add(new StringContent(value), name);
        }

        foreach (var (name, value) in route.DefaultParams ?? [])
        {
            // A model that once had another modality may have defaults that no form field can hold.
            if (value is not null && name != "response_format" && request[name] is null && TranscriptionRequest.CanBeNamed(name))
            {
                form.Add(new StringContent(value.ToString()), name);
            }
        }

        using var file = RecordingContent.Of(request);
        form.Add(file, "file", request.FileName);
        return await endpoint.PostAsync(form, deadline);
    }
}
