using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The properties of a model that decide how a Responses request is written.</summary>
/// <param name="Name">The upstream's name of the model.</param>
/// <param name="BackendId">The backend whose encrypted reasoning the model can read. It is bound to an organization or a resource; others' is rejected.</param>
/// <param name="Summary">The kind of reasoning summary to request; null for none.</param>
/// <param name="Like">A model name that shows whether it reasons, if its own does not.</param>
internal sealed partial record OpenAiResponsesModel(string Name, string BackendId, string? Summary, string? Like = null)
{
    /// <summary>True if encrypted reasoning or summaries may be requested: models that do not reason reject that.</summary>
    public bool MayThink { get; } = !NeverThinks().IsMatch(Like ?? Name);

    /// <summary>True if reasoning of earlier answers is sent back.</summary>
    public bool TakesThoughts { get; init; } = true;

    // GPT-3.5, all kinds of GPT-4, and the chat models, including deployments named after them.
    [GeneratedRegex(@"gpt-?[34]|chatgpt|gpt-.*\bchat\b", RegexOptions.IgnoreCase)]
    private static partial Regex NeverThinks();
}
