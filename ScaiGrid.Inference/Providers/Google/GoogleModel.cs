using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>The properties of a model that decide how a request is written. Derived from its name unless the operator sets them.</summary>
/// <param name="Name">The upstream's name of the model.</param>
/// <param name="ThinksByLevel">True if the model takes a thinking level and expects its signatures back; older models take a token budget instead.</param>
internal sealed partial record GoogleModel(string Name, bool ThinksByLevel)
{
    /// <summary>The lowest level of a model that takes one; the models differ in it.</summary>
    public string LeastLevel { get; } = TakesMinimal().IsMatch(Name) ? "MINIMAL" : "LOW";

    /// <summary>The budget to disable thinking, or the smallest one of the only model on which it cannot be disabled.</summary>
    public int LeastBudget { get; } = Name.Contains("gemini-2.5-pro", StringComparison.Ordinal) ? 128 : 0;

    /// <summary>True if the model supports penalties; Gemini from 2.5 on rejects all but 0.</summary>
    public bool TakesPenalties { get; } = !Name.Contains("gemini-", StringComparison.Ordinal) || Penalized().IsMatch(Name);

    public static GoogleModel Of(string name, ProviderSettings settings) =>
        new(name, settings.Text("thinking") is { } thinking ? thinking == "level" : !BudgetOnly().IsMatch(name));

    [GeneratedRegex(@"gemini-(1|2)(\.|-)")]
    private static partial Regex BudgetOnly();

    [GeneratedRegex(@"gemini-(1\.|2\.0)")]
    private static partial Regex Penalized();

    // The small models, and Flash up to 3.6.
    [GeneratedRegex(@"flash-lite|gemini-3(\.[0-6])?-flash")]
    private static partial Regex TakesMinimal();
}
