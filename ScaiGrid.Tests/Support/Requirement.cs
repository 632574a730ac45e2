using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A program or service that tests need. If it is missing, the test is skipped with the reason; with SCAIGRID_REQUIRE_SERVICES=1, as CI sets, it fails.
/// </summary>
public static class Requirement
{
    public static string Program(string name, string package)
    {
        if (ServerProcess.Find(name) is { } path)
        {
            return path;
        }

        var reason = $"{name} is not installed: ./test installs Debian's {package}.";
        if (Environment.GetEnvironmentVariable("SCAIGRID_REQUIRE_SERVICES") == "1")
        {
            throw new InvalidOperationException(reason);
        }

        Assert.Skip(reason);
        return "";
    }

    /// <summary>Skips a test that needs something that the machine does not allow and that cannot be installed; never a failure.</summary>
    public static void NotAllowed(string reason) => Assert.Skip(reason);
}
