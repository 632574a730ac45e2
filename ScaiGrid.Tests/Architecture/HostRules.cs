using System.Text.RegularExpressions;
using ScaiGrid.Core.Configuration;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

public sealed partial class HostRules
{
    private static readonly string[] Programs = ["Api", "Grpc", "Worker", "BunkerProxy", "Migrator"];

    /// <summary>What a host adds or maps, and <see cref="Hosts"/> does not, would escape the tests of settings and endpoints.</summary>
    [Fact]
    public void TheHostsOfTheTests_DoWhatTheProgramsDo()
    {
        var hosts = SourceTree.Read("ScaiGrid.Tests/Architecture/Hosts.cs");
        var missing = from program in Programs
                      from Match call in Call().Matches(SourceTree.Read($"ScaiGrid.{program}/Program.cs"))
                      let name = call.Groups["name"].Value
                      where !name.Contains("Grpc", StringComparison.Ordinal) && !hosts.Contains($".{name}", StringComparison.Ordinal)
                      select $"{program}: {name}";

        Breaches.None(missing);
    }

    [Fact]
    public void Programs_CheckTheirSettings_AndTurnMistakesIntoAnExitCode() => Breaches.None(
        from program in Programs
        let text = SourceTree.Read($"ScaiGrid.{program}/Program.cs")
        where !text.Contains("HostRunner.RunAsync(", StringComparison.Ordinal) || !text.Contains($"builder.{nameof(SettingsExtensions.CheckSettings)}()", StringComparison.Ordinal)
        select program);

    [GeneratedRegex(@"\b(builder\.(?<name>(Add|Require)\w+)|(app|modules)\.(?<name>Map\w+))")]
    private static partial Regex Call();
}
