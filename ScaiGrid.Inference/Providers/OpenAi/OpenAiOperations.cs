namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The clients of a backend that has OpenAI's operations, all but chat.</summary>
internal static class OpenAiOperations
{
    /// <param name="http">The connections.</param>
    /// <param name="address">Where the backend is.</param>
    /// <param name="model">The upstream's name of the model.</param>
    /// <param name="urlOf">The URL of an operation, from its path as OpenAI has it.</param>
    public static BackendClients Connect(UpstreamHttp http, UpstreamAddress address, string model, Func<string, Uri> urlOf)
    {
        return new BackendClients
        {
            Embeddings = new OpenAiDocuments(At("/embeddings"), model),
            Images = new OpenAiImages(At("/images/generations"), model),
            Moderations = new OpenAiDocuments(At("/moderations"), model),
            Speech = new OpenAiSpeech(At("/audio/speech"), model),
            Transcriptions = new OpenAiTranscriptions(At("/audio/transcriptions"), model),
        };

        UpstreamEndpoint At(string path) => new(http, address, urlOf(path));
    }
}
