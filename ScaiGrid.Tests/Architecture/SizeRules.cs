using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Files stay small. These are limits, not targets: most files are far below them.</summary>
public sealed class SizeRules
{
    private const int MaxLines = 400;
    private const int MaxMedian = 80;
    private const int MaxNinetiethPercentile = 200;

    private static readonly (string Path, int Lines)[] BySize =
        [.. SourceTree.Files(".cs").Select(path => (Path: path, Lines: SourceTree.CountLines(path))).OrderBy(file => file.Lines)];

    [Fact]
    public void NoFile_IsLongerThanTheLimit() => Breaches.None(BySize.Where(file => file.Lines > MaxLines));

    [Fact]
    public void MostFiles_AreShort()
    {
        Assert.InRange(BySize[BySize.Length / 2].Lines, 1, MaxMedian);
        Assert.InRange(BySize[BySize.Length * 9 / 10].Lines, 1, MaxNinetiethPercentile);
    }
}
