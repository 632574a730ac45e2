using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>What must be known of a model to ask it by the Responses API.</summary>
/// <param name="Name">The model at the upstream.</param>
/// <param name="BackendId">Whose encrypted thoughts it can read: they are an organization's or a resource's, and another one's are refused.</param>
/// <param name="Summary">How it is to tell of its thoughts; null where it is not asked to.</param>
/// <param name="Like">The name that tells whether it thinks, where its own does not.</param>
internal sealed partial record OpenAiResponsesModel(string Name, string BackendId, string? Summary, string? Like = null)
{
    /// <summary>Whether its thoughts, encrypted or summed up, may be asked for: models that do not think refuse that.</summary>
    public bool MayThink { get; } = !NeverThinks().IsMatch(Like ?? Name);

    /// <summary>Whether thoughts of earlier answers are sent back.</summary>
    public bool TakesThoughts { get; init; } = true;

    // GPT-3.5, GPT-4 with all of its kinds, and the models for chats, as deployments may be named too.
    [GeneratedRegex(@"gpt-?[34]|chatgpt|gpt-.*\bchat\b", RegexOptions.IgnoreCase)]
    private static partial Regex NeverThinks();
}
