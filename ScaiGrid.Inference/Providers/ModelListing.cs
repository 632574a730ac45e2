namespace ScaiGrid.Inference.Providers;

/// <summary>An upstream's list of models, or the reason why there is none.</summary>
/// <param name="Models">In the upstream's order; empty on an error.</param>
/// <param name="Error">The reason if there is no list.</param>
public sealed record ModelListing(IReadOnlyList<UpstreamModel> Models, UpstreamError? Error = null)
{
    public static ModelListing Failed(UpstreamError error) => new([], error);
}

/// <param name="Id">The model's name at the upstream.</param>
/// <param name="Modality"><c>chat</c>, <c>embedding</c>, <c>image</c> or <c>audio</c>.</param>
/// <param name="Capabilities">If the upstream reports them.</param>
/// <param name="DisplayName">The name shown to people, if the upstream has one.</param>
/// <param name="ContextWindow">In tokens, if the upstream reports it.</param>
/// <param name="MaxOutputTokens">In tokens, if the upstream reports it.</param>
public sealed record UpstreamModel(
    string Id, string Modality, IReadOnlyList<string> Capabilities, string? DisplayName = null, int? ContextWindow = null, int? MaxOutputTokens = null)
{
    /// <summary>Guesses the modality from the name, for upstreams that do not report it.</summary>
    public static string GuessModality(string id)
    {
        var words = id.ToLowerInvariant().Split('-', '/', '_', '.', ':');
        return words switch
        {
            _ when words.Any(word => word is "embedding" or "embeddings" or "embed" or "bge" or "e5" or "minilm") => "embedding",
            _ when words.Any(word => word is "dall" or "image" or "imagen" or "diffusion" or "flux" or "sdxl") => "image",
            _ when words.Any(word => word is "whisper" or "tts" or "transcribe" or "asr" or "speech") => "audio",
            _ => "chat",
        };
    }
}
