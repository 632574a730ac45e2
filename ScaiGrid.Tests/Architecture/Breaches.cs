using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>A rule names what breaks it; here it fails with all of them, one a line.</summary>
internal static class Breaches
{
    public static void None<T>(IEnumerable<T> breaches)
    {
        var lines = breaches.Select(breach => $"{breach}").ToList();
        Assert.True(lines.Count == 0, string.Join('\n', lines));
    }
}
