using MySqlConnector;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>A host that cannot start reports all reasons at once, and no secrets.</summary>
public sealed class HostStartTests
{
    private const string Canary = "canary";
    private const string Heading = "The configuration is wrong:";

    /// <summary>One invalid value per variable. Secret values contain the canary.</summary>
    private static readonly Dictionary<string, string> Wrong = new()
    {
        ["SCAIGRID_DATABASE_URL"] = $"oracle://scaigrid:{Canary}@127.0.0.1/scaigrid",
        ["SCAIGRID_REDIS_URL"] = $"memcached://:{Canary}@127.0.0.1",
        ["SCAIGRID_SECRET_KEY"] = Canary,
        ["SCAIGRID_SERVICE_TOKENS"] = Canary,
        ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = Canary,
        ["SCAIGRID_BOOTSTRAP_API_KEY"] = $"sgk_{Canary}",
        ["SCAIGRID_AUTH_DISABLED"] = "true",
        ["SCAIGRID_LISTEN_ADDRESS"] = "8000",
        ["SCAIGRID_DRAIN_TIMEOUT_S"] = "soon",
        ["DISPATCH_STREAM_TIMEOUT_S"] = "-1",
        ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "often",
        ["SCAIGRID_MODULES"] = "no-such-module",
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(
        Mode.Http,
        "SCAIGRID_HTTP_PORT", "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL", "SCAIGRID_SECRET_KEY", "SCAIGRID_SERVICE_TOKENS", "SCAIGRID_AUTH_DISABLED",
        "SCAIGRID_DRAIN_TIMEOUT_S", "DISPATCH_STREAM_TIMEOUT_S", "SCAIGRID_MODULES")]
    [InlineData(
        Mode.Grpc,
        "SCAIGRID_GRPC_PORT", "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL", "SCAIGRID_SECRET_KEY", "SCAIGRID_SERVICE_TOKENS", "SCAIGRID_AUTH_DISABLED",
        "SCAIGRID_DRAIN_TIMEOUT_S", "DISPATCH_STREAM_TIMEOUT_S", "SCAIGRID_MODULES")]
    [InlineData(
        Mode.Worker,
        "SCAIGRID_WORKER_PORT", "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL", "SCAIGRID_DRAIN_TIMEOUT_S", "SCAIGRID_USAGE_FLUSH_INTERVAL_S", "SCAIGRID_MODULES")]
    [InlineData(Mode.BunkerProxy, "SCAIGRID_BUNKER_PROXY_PORT", "SCAIGRID_LISTEN_ADDRESS", "SCAIGRID_STORAGE_CAPABILITY_KEY", "SCAIGRID_DRAIN_TIMEOUT_S")]
    [InlineData(Mode.Migrate, "SCAIGRID_DATABASE_URL", "SCAIGRID_BOOTSTRAP_API_KEY", "SCAIGRID_MODULES")]
    public async Task WrongSettings_AreAllNamedInOneMessage(Mode mode, params string[] variables)
    {
        var settings = new Dictionary<string, string>(Wrong);
        if (mode != Mode.Migrate)
        {
            settings[mode.PortVariable()] = "99999";
        }

        var (exitCode, output) = await ModeProcess.RunToEndAsync(mode, settings, Cancellation);

        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        var lines = output.Split('\n');
        Assert.Equal(Heading, lines[0]);
        Assert.All(lines.Skip(1), line => Assert.Matches("^  - [A-Za-z_0-9, :]+: ", line));
        Assert.All(variables, variable => Assert.Contains(lines, line => line.StartsWith($"  - {variable}: ", StringComparison.Ordinal)));
        Assert.DoesNotContain(Canary, output, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(Mode.Http, "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL", "SCAIGRID_SECRET_KEY")]
    [InlineData(Mode.Grpc, "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL", "SCAIGRID_SECRET_KEY")]
    [InlineData(Mode.Worker, "SCAIGRID_DATABASE_URL", "SCAIGRID_REDIS_URL")]
    [InlineData(Mode.BunkerProxy, "SCAIGRID_STORAGE_CAPABILITY_KEY")]
    [InlineData(Mode.Migrate, "SCAIGRID_DATABASE_URL")]
    public async Task NoSettings_SaysWhatIsNeeded(Mode mode, params string[] variables)
    {
        var (exitCode, output) = await ModeProcess.RunToEndAsync(mode, cancellationToken: Cancellation);

        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        Assert.All(variables, variable => Assert.Contains($"  - {variable}: ", output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Mode.Http)]
    [InlineData(Mode.Grpc)]
    [InlineData(Mode.Worker)]
    public async Task UnmigratedDatabase_IsRefused(Mode mode)
    {
        using var folder = new TemporaryFolder();
        var settings = ServingSettings($"sqlite://{folder.File("empty.db")}");

        AssertRefused(await ModeProcess.RunToEndAsync(mode, settings, Cancellation));
    }

    [Fact]
    [Trait("needs", "services")]
    public async Task UnmigratedMariaDb_IsRefused()
    {
        await using var server = await MariaDbServer.StartAsync();
        await using (var connection = new MySqlConnection(server.ConnectionString("")))
        {
            await connection.OpenAsync(Cancellation);
            await using var command = new MySqlCommand("CREATE DATABASE unmigrated", connection);
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        AssertRefused(await ModeProcess.RunToEndAsync(Mode.Http, ServingSettings(server.Url("unmigrated")), Cancellation));
    }

    // No Redis is running at this address: the schema is checked before Redis.
    private static Dictionary<string, string> ServingSettings(string databaseUrl) => new()
    {
        ["SCAIGRID_DATABASE_URL"] = databaseUrl,
        ["SCAIGRID_REDIS_URL"] = $"redis://127.0.0.1:{FreePort.Next()}",
        ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
        ["SCAIGRID_HTTP_PORT"] = $"{FreePort.Next()}",
        ["SCAIGRID_GRPC_PORT"] = $"{FreePort.Next()}",
        ["SCAIGRID_WORKER_PORT"] = $"{FreePort.Next()}",
    };

    private static void AssertRefused((int ExitCode, string Output) run)
    {
        Assert.True(run.ExitCode == 1, $"{run.ExitCode}:\n{run.Output}");
        Assert.Contains("run migrate first", run.Output, StringComparison.Ordinal);
    }
}
