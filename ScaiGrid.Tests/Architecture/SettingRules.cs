using System.Text.RegularExpressions;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Environment variables are a contract with operators.</summary>
public sealed partial class SettingRules
{
    /// <summary>Variables that are not read through an options class.</summary>
    private static readonly string[] WithoutOptions =
    [
        "SCAIGRID_MODE", "SCAIGRID_EXIT_WITH_STDIN", "SCAIGRID_DEV_IDENTITY_PORT",

        // Used by the tests only.
        "SCAIGRID_TEST_STACK", "SCAIGRID_REQUIRE_SERVICES",
    ];

    private static readonly Type[] Readable = [typeof(string), typeof(int), typeof(long), typeof(bool), typeof(TimeSpan), typeof(Uri), typeof(string[])];

    [Fact]
    public void NoTwoSettings_ShareAVariable() => Breaches.None(
        SettingCatalogue.All.SelectMany(entry => entry.Setting.Aliases.Prepend(entry.Setting.Variable)).CountBy(variable => variable).Where(count => count.Value > 1));

    [Fact]
    public void Settings_AreDescribed() => Assert.All(SettingCatalogue.All, entry =>
    {
        Assert.Matches(Variable(), entry.Setting.Variable);
        Assert.EndsWith(".", entry.Setting.Description, StringComparison.Ordinal);
        Assert.DoesNotContain("|", entry.Setting.Description, StringComparison.Ordinal);
    });

    [Fact]
    public void Settings_HaveATypeThatTheBinderReads() =>
        Assert.All(SettingCatalogue.All, entry => Assert.Contains(Nullable.GetUnderlyingType(entry.Property.PropertyType) ?? entry.Property.PropertyType, Readable));

    [Fact]
    public void Durations_SayTheirUnit() => Assert.All(
        SettingCatalogue.All, entry => Assert.Equal(entry.Property.PropertyType == typeof(TimeSpan), entry.Setting.Variable.EndsWith("_S", StringComparison.Ordinal)));

    [Fact]
    public void OptionsClasses_AreBoundBySomeMode() => Breaches.None(SettingCatalogue.Options.Where(options => Hosts.ModesOf(options).Count == 0));

    [Fact]
    public void Documents_NameOnlySettingsThatExist()
    {
        var known = SettingCatalogue.All.SelectMany(entry => entry.Setting.Aliases.Prepend(entry.Setting.Variable)).Concat(WithoutOptions).ToHashSet();
        var unknown = from path in SourceTree.Files(".md")
                      from Match match in Named().Matches(SourceTree.Read(path))
                      where !known.Contains(match.Value)
                      select $"{path}: {match.Value}";

        Breaches.None(unknown.Distinct());
    }

    // The name DISPATCH_STREAM_TIMEOUT_S is older than the prefix.
    [GeneratedRegex("^(SCAIGRID(_[A-Z0-9]+)+|DISPATCH_STREAM_TIMEOUT_S)$")]
    private static partial Regex Variable();

    // The lookahead excludes wildcards and shortened names, such as SCAIGRID_S3_* and SCAIGRID_….
    [GeneratedRegex(@"\bSCAIGRID(_[A-Z0-9]+)+\b(?!_)")]
    private static partial Regex Named();
}
