using System.Text.RegularExpressions;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Text that no source file may contain.</summary>
public sealed partial class SourceRules
{
    // Split, so that this file does not contain the words itself.
    private static readonly string[] Unfinished = ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Exception"];

    /// <summary>The symbols that BannedSymbols.txt must list, with their replacements.</summary>
    private static readonly string[] Banned =
        ["DateTime.Now", "DateTime.UtcNow", "DateTimeOffset.Now", "DateTimeOffset.UtcNow", "Guid.NewGuid", "Thread.Sleep", "Task.Run", "Task`1.Result", "Task.Wait", "HttpClient.#ctor"];

    private static IReadOnlyList<string> Tests => [.. SourceTree.Files(".cs").Where(path => path.StartsWith("ScaiGrid.Tests/", StringComparison.Ordinal))];

    [Fact]
    public void NothingIsLeftUnfinished() => Breaches.None(
        from path in SourceTree.Files(".cs", ".csproj", ".props", ".proto", ".sh", ".yml", ".conf", ".md")
        let text = SourceTree.Read(path)
        from word in Unfinished
        where text.Contains(word, StringComparison.Ordinal)
        select $"{path}: {word}");

    [Fact]
    public void NoTest_IsSwitchedOff() => Breaches.None(Tests.Where(path => SwitchedOff().IsMatch(SourceTree.Read(path))));

    /// <summary>In that file SCAIGRID_REQUIRE_SERVICES turns a skip into a failure.</summary>
    [Fact]
    public void TestsAreSkipped_OnlyForWantOfAService() => Assert.Equal(
        ["ScaiGrid.Tests/Support/Requirement.cs"], Tests.Where(path => SkipCall().IsMatch(SourceTree.Read(path))));

    [Fact]
    public void BannedSymbols_AreBannedInEveryProject()
    {
        var symbols = SourceTree.Read("BannedSymbols.txt");
        var build = SourceTree.Read("Directory.Build.props");

        Breaches.None(Banned.Where(symbol => !symbols.Contains(symbol, StringComparison.Ordinal)));
        Assert.Contains("Microsoft.CodeAnalysis.BannedApiAnalyzers", build, StringComparison.Ordinal);
        Assert.Contains("BannedSymbols.txt", build, StringComparison.Ordinal);
        Assert.Contains("BannedSymbols.Product.txt", build, StringComparison.Ordinal);
    }

    /// <summary>No other file disables the analyzer's rule: only the HTTP client of the tests is an exception.</summary>
    [Fact]
    public void BannedSymbols_AreUsedNowhere() => Assert.Equal(
        ["ScaiGrid.Tests/Support/ApiDriver.cs"], SourceTree.Files(".cs").Where(path => AllowedBan().IsMatch(SourceTree.Read(path))));

    [GeneratedRegex(@"\bSkip\s*=|\bSkipWhen\s*=|\bSkipUnless\s*=|Explicit\s*=\s*true")]
    private static partial Regex SwitchedOff();

    [GeneratedRegex(@"Assert\.Skip(When|Unless)?\(|SkipException\.")]
    private static partial Regex SkipCall();

    [GeneratedRegex("#pragma warning disable [A-Z0-9, ]*RS0030")]
    private static partial Regex AllowedBan();
}
