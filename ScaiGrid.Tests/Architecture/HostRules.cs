using System.Text.RegularExpressions;
using ScaiGrid.Core.Configuration;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

public sealed partial class HostRules
{
    /// <summary>The programs and their mode names in <see cref="Hosts"/>.</summary>
    private static readonly Dictionary<string, string> Programs = new()
    {
        ["Api"] = "http",
        ["Grpc"] = "grpc",
        ["Worker"] = "worker",
        ["BunkerProxy"] = "bunker_proxy",
        ["Migrator"] = "migrate",
    };

    /// <summary>A registration that a program has and <see cref="Hosts"/> lacks would escape the tests of settings and endpoints.</summary>
    [Fact]
    public void TheHostsOfTheTests_DoWhatTheProgramsDo()
    {
        var hosts = SourceTree.Read("ScaiGrid.Tests/Architecture/Hosts.cs");
        var missing = from program in Programs
                      let host = PartOf(hosts, program.Value)
                      from Match call in Call().Matches(SourceTree.Read($"ScaiGrid.{program.Key}/Program.cs"))
                      let name = call.Groups["name"].Value
                      where !name.Contains("Grpc", StringComparison.Ordinal) && !host.Contains($".{name}", StringComparison.Ordinal)
                      select $"{program.Key}: {name}";

        Breaches.None(missing);
    }

    [Fact]
    public void Programs_CheckTheirSettings_AndTurnMistakesIntoAnExitCode() => Breaches.None(
        from program in Programs.Keys
        let text = SourceTree.Read($"ScaiGrid.{program}/Program.cs")
        where !text.Contains("HostRunner.RunAsync(", StringComparison.Ordinal) || !text.Contains($"builder.{nameof(SettingsExtensions.CheckSettings)}()", StringComparison.Ordinal)
        select program);

    /// <summary>
    /// The parts of Hosts.cs that apply to a mode: the common part, the part of the mode, the methods it calls, and the endpoints of all modes.
    /// </summary>
    private static string PartOf(string hosts, string mode)
    {
        var own = Between(hosts, mode == "migrate" ? "(mode == \"migrate\")" : $"case \"{mode}\":", mode == "migrate" ? "return" : "break;");
        return string.Join(
            '\n',
            mode == "migrate" ? "" : Between(hosts, "builder.AddSettings", "switch (mode)"),
            own,
            own.Contains("AddServing(", StringComparison.Ordinal) ? Between(hosts, "void AddServing(", "\n    }") : "",
            Between(hosts, "HttpEndpoints()", "\n    }"));
    }

    private static string Between(string text, string start, string end)
    {
        var from = text.IndexOf(start, StringComparison.Ordinal);
        Assert.True(from >= 0, $"Hosts.cs has no {start}.");
        return text[from..text.IndexOf(end, from, StringComparison.Ordinal)];
    }

    [GeneratedRegex(@"\b(builder\.(?<name>(Add|Require)\w+)|(app|modules)\.(?<name>Map\w+))")]
    private static partial Regex Call();
}
