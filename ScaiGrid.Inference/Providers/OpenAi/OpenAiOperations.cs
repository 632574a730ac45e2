namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Creates the clients of a backend with OpenAI's operations, except chat.</summary>
internal static class OpenAiOperations
{
    /// <param name="http">The HTTP connections.</param>
    /// <param name="address">The backend's address.</param>
    /// <param name="model">The upstream's name of the model.</param>
    /// <param name="isOpenAi">True if the API is OpenAI's own, or Azure's.</param>
    /// <param name="urlOf">Returns an operation's URL for its path in OpenAI's API.</param>
    public static BackendClients Connect(UpstreamHttp http, UpstreamAddress address, string model, bool isOpenAi, Func<string, Uri> urlOf)
    {
        return new BackendClients
        {
            Home = new UpstreamHome(address.At(""), address.Authority),
            Embeddings = isOpenAi ? new OpenAiEmbeddings(At("/embeddings"), model) : new OpenAiDocuments(At("/embeddings"), model),
            Images = new OpenAiImages(At("/images/generations"), model),
            Moderations = new OpenAiDocuments(At("/moderations"), model),
            Speech = new OpenAiSpeech(At("/audio/speech"), model),
            Transcriptions = new OpenAiTranscriptions(At("/audio/transcriptions"), model),
        };

        UpstreamEndpoint At(string path) => new(http, address, urlOf(path));
    }
}
