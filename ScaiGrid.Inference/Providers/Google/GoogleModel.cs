using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>What must be known of a model to ask it rightly. The name tells, and the operator may say otherwise.</summary>
/// <param name="Name">The model at the upstream.</param>
/// <param name="ThinksByLevel">Takes a level, and its signatures back; older models take a budget of tokens instead.</param>
internal sealed partial record GoogleModel(string Name, bool ThinksByLevel)
{
    public static GoogleModel Of(string name, ProviderSettings settings) =>
        new(name, settings.Text("thinking") is { } thinking ? thinking == "level" : !BudgetOnly().IsMatch(name));

    [GeneratedRegex(@"gemini-(1|2)(\.|-)")]
    private static partial Regex BudgetOnly();
}
