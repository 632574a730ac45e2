using System.Text.Json.Nodes;

namespace ScaiGrid.Inference.Providers;

/// <summary>A provider whose upstream can be asked what it serves: for discovery, and as the probe that tells whether it is there.</summary>
public interface IModelDirectory
{
    /// <param name="config">Valid for the provider, <c>api_key</c> decrypted.</param>
    /// <param name="cancellationToken">Bounds the question; what ends by it is no answer.</param>
    Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken);
}

/// <summary>What an upstream serves, or why it did not tell.</summary>
/// <param name="Models">In the upstream's order; empty on an error.</param>
/// <param name="Error">Why there is no list.</param>
public sealed record ModelListing(IReadOnlyList<UpstreamModel> Models, UpstreamError? Error = null)
{
    public static ModelListing Failed(UpstreamError error) => new([], error);
}

/// <param name="Id">The upstream's name of the model.</param>
/// <param name="Modality"><c>chat</c>, <c>embedding</c>, <c>image</c> or <c>audio</c>.</param>
/// <param name="Capabilities">Where the upstream tells.</param>
/// <param name="DisplayName">For people, where the upstream has one.</param>
/// <param name="ContextWindow">Tokens, where the upstream tells.</param>
/// <param name="MaxOutputTokens">Tokens, where the upstream tells.</param>
public sealed record UpstreamModel(
    string Id, string Modality, IReadOnlyList<string> Capabilities, string? DisplayName = null, int? ContextWindow = null, int? MaxOutputTokens = null)
{
    /// <summary>A guess from the name, for upstreams that do not tell what a model is for.</summary>
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
