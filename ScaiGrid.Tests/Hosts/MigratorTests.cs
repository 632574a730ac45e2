using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>The Migrator as a process: its options and exit codes.</summary>
public sealed class MigratorTests(DatabaseServer server)
{
    [Fact]
    public async Task FirstRun_PrintsTheKeyOnce_AndLaterRunsDoNot()
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url };
        var first = await ModeProcess.RunAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken);
        Assert.Matches("sgk_[A-Za-z0-9_-]{43}", first);
        var second = await ModeProcess.RunAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("sgk_", second, StringComparison.Ordinal);
        var status = await ModeProcess.RunAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken, "--status");
        Assert.Contains("applied  1 tenancy", status, StringComparison.Ordinal);
        Assert.Contains("0 pending", status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GivenKey_IsNeverPrinted()
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url, ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey };
        var output = await ModeProcess.RunAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("sgk_", output, StringComparison.Ordinal);
        Assert.Equal(["1"], await database.QueryAsync("SELECT COUNT(*) FROM api_keys"));
    }

    [Theory]
    [InlineData(64, "--bogus", "Unknown argument '--bogus'")]
    [InlineData(64, "--module", "--module needs")]
    [InlineData(64, "--module=nothing", "no stream 'nothing'")]
    [InlineData(0, "--help", "--status")]
    [InlineData(0, "--module=core", "core: applied 1 tenancy")]
    public async Task Arguments_AreReadOrRefused(int exitCode, string argument, string says)
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url };
        var (code, output) = await ModeProcess.RunToEndAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken, argument);
        Assert.True(code == exitCode, output);
        Assert.Contains(says, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SCAIGRID_BOOTSTRAP_API_KEY", "sgk_short")]
    [InlineData("SCAIGRID_BOOTSTRAP_API_KEY", "key_0123456789012345678901234567890123456789")]
    [InlineData("SCAIGRID_BOOTSTRAP_ADMIN_EMAIL", "nobody")]
    [InlineData("SCAIGRID_DATABASE_URL", "postgres://x/y")]
    [InlineData("SCAIGRID_MODULES", "nothing")]
    public async Task WrongSetting_EndsWith78_AndNamesTheVariable(string variable, string value)
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url, [variable] = value };
        var (code, output) = await ModeProcess.RunToEndAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken);
        Assert.Equal(78, code);
        Assert.Contains(variable, output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("needs", "services")]
    public async Task WrongPassword_EndsWith1_AndTellsWhy()
    {
        using var database = await server.CreateAsync(DatabaseKind.MariaDb);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url.Replace("scaigrid-test", "wrong", StringComparison.Ordinal) };
        var (code, output) = await ModeProcess.RunToEndAsync(Mode.Migrate, settings, TestContext.Current.CancellationToken);
        Assert.Equal(1, code);
        Assert.Contains("Access denied", output, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", output, StringComparison.Ordinal);
    }
}
