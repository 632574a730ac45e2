using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>
/// Compares generated text with a file in the repository, so that changes are visible in review. UPDATE_GOLDEN=1 rewrites the file instead.
/// </summary>
internal static class Golden
{
    private const int MaxShown = 20;

    private static bool Updates => Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1";

    /// <param name="actual">The generated text.</param>
    /// <param name="path">The path of the file, relative to the root of the repository.</param>
    public static void Matches(string actual, string path)
    {
        var file = Path.Combine(Repository.Root, path);
        if (Updates)
        {
            File.WriteAllText(file, actual);
            return;
        }

        var expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        Assert.True(expected == actual, $"{path} is stale. If the change is intended, rewrite the file with UPDATE_GOLDEN=1.\n{Difference(expected, actual)}");
    }

    /// <summary>The same for a list of lines, compared with a file in Architecture/Golden.</summary>
    public static void Matches(IEnumerable<string> lines, string name) =>
        Matches(string.Concat(lines.Select(line => line.TrimEnd() + "\n")), $"ScaiGrid.Tests/Architecture/Golden/{name}");

    private static string Difference(string expected, string actual)
    {
        var (before, after) = (expected.Split('\n'), actual.Split('\n'));
        var lines = before.Except(after).Select(line => "- " + line).Concat(after.Except(before).Select(line => "+ " + line)).ToList();
        return lines.Count == 0 ? "Only the order differs." : string.Join('\n', lines.Take(MaxShown));
    }
}
