using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>What must be known of a model to ask it rightly. The name tells, and the operator may say otherwise.</summary>
/// <param name="Name">The model at the upstream.</param>
/// <param name="ThinksAdaptively">Takes an effort; older models take a budget of tokens instead.</param>
/// <param name="TakesSampling">Takes <c>temperature</c> and <c>top_p</c>; newer models refuse them.</param>
internal sealed partial record AnthropicModel(string Name, bool ThinksAdaptively, bool TakesSampling)
{
    /// <summary>The format has no default for the length of an answer: what a model can say, or a good part of it.</summary>
    public long DefaultMaxTokens { get; } = Oldest().IsMatch(Name) ? 4096 : 16384;

    public static AnthropicModel Of(string name, ProviderSettings settings) => new(
        name,
        settings.Text("thinking") is { } thinking ? thinking == "adaptive" : !BudgetOnly().IsMatch(name),
        settings.Flag("sampling") ?? Sampled().IsMatch(name));

    [GeneratedRegex("claude-(2|3|instant)")]
    private static partial Regex Oldest();

    // Up to 4.5, with or without a date behind.
    [GeneratedRegex(@"claude-(2|3|instant|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-latest)?($|[@:]))")]
    private static partial Regex BudgetOnly();

    // Up to 4.6.
    [GeneratedRegex(@"claude-(2|3|instant|(opus|sonnet|haiku)-4(-[0-6])?(-\d{8}|-latest)?($|[@:]))")]
    private static partial Regex Sampled();
}
