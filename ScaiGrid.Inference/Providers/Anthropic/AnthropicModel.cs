using System.Globalization;
using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>The properties of a model that decide how a request is written. Derived from its name unless the operator sets them.</summary>
/// <param name="Name">The upstream's name of the model.</param>
/// <param name="ThinksAdaptively">True if thinking is set by effort; older models use a token budget instead.</param>
/// <param name="TakesSampling">True if the model accepts <c>temperature</c> and <c>top_p</c>; newer models reject them.</param>
internal sealed partial record AnthropicModel(string Name, bool ThinksAdaptively, bool TakesSampling)
{
    /// <summary>The output limit if none is configured or requested, because the API requires one: all or much of what the model can write.</summary>
    public long DefaultMaxTokens { get; private init; }

    /// <summary>True if the model always thinks and rejects a request to disable thinking; only its effort can be set.</summary>
    public bool AlwaysThinks { get; private init; }

    /// <summary>The type of <c>thinking</c> that disables it; null if thinking is off by default or cannot be disabled.</summary>
    public string? ThinkingOff { get; private init; }

    /// <summary>True if the model accepts a <c>tool_choice</c> that forces a call.</summary>
    public bool TakesForcedTools { get; private init; }

    /// <summary>True if thinking blocks are bound to everything before them in the conversation.</summary>
    public bool BindsThinking { get; private init; }

    /// <summary>True if the model continues an assistant's unfinished message; newer models reject a conversation that ends with one.</summary>
    public bool TakesPrefill { get; private init; }

    /// <summary>True if the model supports the effort <c>xhigh</c>.</summary>
    public bool TakesExtraHigh { get; private init; }

    /// <param name="name">The upstream's name of the model.</param>
    /// <param name="settings">The backend's settings: <c>model_like</c> replaces a name that does not identify the model.</param>
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

    /// <summary>True if the name identifies the model.</summary>
    public static bool IsTelling(string name) => Oldest().IsMatch(name) || Generation(name, out _) > 0;

    /// <returns>For example 405 for 4.5; 0 if the name does not contain a version.</returns>
    private static int Generation(string name, out string family)
    {
        var match = Named().Match(name);
        family = match.Groups["family"].Value;
        return Number("major") * 100 + Number("minor");

        int Number(string group) => match.Groups[group] is { Success: true } digits ? int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    // A date may follow the name; it is not part of the version.
    [GeneratedRegex(@"claude-(?<family>opus|sonnet|haiku|fable|mythos)(-(?<major>\d{1,2})([-.](?<minor>\d{1,2}))?(?!\d))?")]
    private static partial Regex Named();

    [GeneratedRegex("claude-(2|3|instant)")]
    private static partial Regex Oldest();
}
