namespace ScaiGrid.Tests.Support;

/// <summary>Replaces the tests' class of this name: where tests are skipped, a benchmark fails.</summary>
internal static class Requirement
{
    public static string Program(string name, string package) =>
        ServerProcess.Find(name) ?? throw new InvalidOperationException($"{name} is not installed; it comes with Debian's {package}.");
}
