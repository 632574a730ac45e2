using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>A service that tests need. Where it cannot be had the test is skipped with the reason; with SCAIGRID_REQUIRE_SERVICES=1, as CI sets, it fails.</summary>
public static class Requirement
{
    public static string Program(string name, string package)
    {
        if (ServerProcess.Find(name) is { } path)
        {
            return path;
        }

        Miss($"{name} is not installed: ./test installs Debian's {package}.");
        return "";
    }

    /// <summary>Ends a test that cannot have what it needs.</summary>
    public static void Miss(string reason)
    {
        if (Environment.GetEnvironmentVariable("SCAIGRID_REQUIRE_SERVICES") == "1")
        {
            throw new InvalidOperationException(reason);
        }

        Assert.Skip(reason);
    }
}
