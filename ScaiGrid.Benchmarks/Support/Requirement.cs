namespace ScaiGrid.Tests.Support;

/// <summary>What the tests skip for, a benchmark cannot do without.</summary>
internal static class Requirement
{
    public static string Program(string name, string package) =>
        ServerProcess.Find(name) ?? throw new InvalidOperationException($"{name} is not installed; it comes with Debian's {package}.");
}
