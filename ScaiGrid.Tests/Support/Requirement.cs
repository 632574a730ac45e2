using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>A service that tests need. Where it cannot be had the test is skipped with the reason; with SCAIGRID_REQUIRE_SERVICES=1, as CI sets, it fails. What a machine does not allow is no service.</summary>
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

    /// <summary>Ends a test that needs of the machine what it does not allow, and nothing that is installed could give: skipped everywhere.</summary>
    public static void NotAllowed(string reason) => Assert.Skip(reason);
}
