using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Fails with the list of all violations of a rule, one per line.</summary>
internal static class Breaches
{
    public static void None<T>(IEnumerable<T> breaches)
    {
        var lines = breaches.Select(breach => $"{breach}").ToList();
        Assert.True(lines.Count == 0, string.Join('\n', lines));
    }
}
