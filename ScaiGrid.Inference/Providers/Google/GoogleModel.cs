using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>What must be known of a model to ask it rightly. The name tells, and the operator may say otherwise.</summary>
/// <param name="Name">The model at the upstream.</param>
/// <param name="ThinksByLevel">Takes a level, and its signatures back; older models take a budget of tokens instead.</param>
internal sealed partial record GoogleModel(string Name, bool ThinksByLevel)
{
    /// <summary>The least that a model thinks which takes a level; not all of them know the same.</summary>
    public string LeastLevel { get; } = TakesMinimal().IsMatch(Name) ? "MINIMAL" : "LOW";

    /// <summary>The budget of a model that is not to think; there is one that cannot be kept from it.</summary>
    public int LeastBudget { get; } = Name.Contains("gemini-2.5-pro", StringComparison.Ordinal) ? 128 : 0;

    /// <summary>Knows penalties; Gemini from 2.5 refuses all but 0.</summary>
    public bool TakesPenalties { get; } = !Name.Contains("gemini-", StringComparison.Ordinal) || Penalized().IsMatch(Name);

    public static GoogleModel Of(string name, ProviderSettings settings) =>
        new(name, settings.Text("thinking") is { } thinking ? thinking == "level" : !BudgetOnly().IsMatch(name));

    [GeneratedRegex(@"gemini-(1|2)(\.|-)")]
    private static partial Regex BudgetOnly();

    [GeneratedRegex(@"gemini-(1\.|2\.0)")]
    private static partial Regex Penalized();

    // The small ones, and Flash up to 3.6.
    [GeneratedRegex(@"flash-lite|gemini-3(\.[0-6])?-flash")]
    private static partial Regex TakesMinimal();
}
