using System.Globalization;
using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>What must be known of a model to ask it rightly. The name tells, and the operator may say otherwise.</summary>
/// <param name="Name">The model at the upstream.</param>
/// <param name="ThinksAdaptively">Takes an effort; older models take a budget of tokens instead.</param>
/// <param name="TakesSampling">Takes <c>temperature</c> and <c>top_p</c>; newer models refuse them.</param>
internal sealed partial record AnthropicModel(string Name, bool ThinksAdaptively, bool TakesSampling)
{
    /// <summary>The format has no default for the length of an answer: what a model can say, or a good part of it.</summary>
    public long DefaultMaxTokens { get; private init; }

    /// <summary>Thinks whatever it is told, and refuses to be told not to; an effort is all that it takes.</summary>
    public bool AlwaysThinks { get; private init; }

    /// <summary>The type of <c>thinking</c> that switches it off; null where it is off unless it is asked for, or cannot be.</summary>
    public string? ThinkingOff { get; private init; }

    /// <summary>Takes a <c>tool_choice</c> that forces a call.</summary>
    public bool TakesForcedTools { get; private init; }

    /// <summary>Its thinking is bound to all that stands before it in the conversation.</summary>
    public bool BindsThinking { get; private init; }

    /// <summary>Goes on with what an assistant began to say; newer models refuse a conversation that ends so.</summary>
    public bool TakesPrefill { get; private init; }

    /// <summary>Knows the effort <c>xhigh</c>.</summary>
    public bool TakesExtraHigh { get; private init; }

    /// <param name="name">The model at the upstream.</param>
    /// <param name="settings">The backend's: <c>model_like</c> stands in for a name that does not tell.</param>
    public static AnthropicModel Of(string name, ProviderSettings settings)
    {
        var known = settings.Text("model_like") ?? name;
        var generation = Generation(known, out var family);
        var isFable = family is "fable" or "mythos";
        var alwaysThinks = isFable || (family == "opus" && generation >= 505);
        var isOldest = Oldest().IsMatch(known);
        var isQuiet = isOldest || (!isFable && generation is > 0 and < 500);
        return new AnthropicModel(
            name,
            settings.Text("thinking") is { } thinking ? thinking == "adaptive" : !isOldest && generation is 0 or > 405,
            settings.Flag("sampling") ?? (isOldest || generation is > 0 and <= 406))
        {
            DefaultMaxTokens = isOldest ? 4096 : 16384,
            AlwaysThinks = alwaysThinks,
            ThinkingOff = alwaysThinks || isQuiet ? null : family == "sonnet" && generation >= 505 ? "between_tools" : "disabled",
            TakesForcedTools = isFable ? generation < 501 : family == "haiku" || generation < 505,
            BindsThinking = isFable ? generation >= 501 : generation >= 505,
            TakesPrefill = isOldest || generation is > 0 and <= 405,
            TakesExtraHigh = isFable || generation is 0 or > 406,
        };
    }

    /// <summary>Whether the name tells which model it is.</summary>
    public static bool IsTelling(string name) => Oldest().IsMatch(name) || Generation(name, out _) > 0;

    /// <returns>For example 405 for 4.5; 0 where the name does not tell.</returns>
    private static int Generation(string name, out string family)
    {
        var match = Named().Match(name);
        family = match.Groups["family"].Value;
        return Number("major") * 100 + Number("minor");

        int Number(string group) => match.Groups[group] is { Success: true } digits ? int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    // A date may follow, which is no part of the version.
    [GeneratedRegex(@"claude-(?<family>opus|sonnet|haiku|fable|mythos)(-(?<major>\d{1,2})([-.](?<minor>\d{1,2}))?(?!\d))?")]
    private static partial Regex Named();

    [GeneratedRegex("claude-(2|3|instant)")]
    private static partial Regex Oldest();
}
