using System.Globalization;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Deploy;

/// <summary>deploy/entrypoint.sh, which starts every container, with the programs from the output folder of the tests.</summary>
[Trait("needs", "services")]
public sealed partial class EntrypointTests(Grid grid) : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static string Script => Path.Combine(Repository.Root, "deploy", "entrypoint.sh");

    public async ValueTask InitializeAsync() => await grid.EnsureStartedAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("http", "SCAIGRID_HTTP_PORT", "ScaiGrid.Api.dll")]
    [InlineData("grpc", "SCAIGRID_GRPC_PORT", "ScaiGrid.Grpc.dll")]
    [InlineData("worker", "SCAIGRID_WORKER_PORT", "ScaiGrid.Worker.dll")]
    [InlineData("bunker_proxy", "SCAIGRID_BUNKER_PROXY_PORT", "ScaiGrid.BunkerProxy.dll")]
    public async Task Mode_BecomesHealthy_AndEndsWith0OnSigterm(string mode, string portVariable, string program)
    {
        var settings = Settings(mode);
        settings[portVariable] = FreePort.Next().ToString(CultureInfo.InvariantCulture);
        settings["SCAIGRID_EXIT_WITH_STDIN"] = "true";
        Assert.Equal(1, (await RunAsync(settings, "health")).ExitCode);

        await using var process = ServerProcess.Start("sh", [Script], settings);
        for (var waited = TimeSpan.Zero; (await RunAsync(settings, "health")).ExitCode != 0; waited += TimeSpan.FromSeconds(1))
        {
            Assert.False(process.HasExited || waited > Patience, $"{mode} is not healthy:\n{process.Output}");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }

        // The shell has replaced itself with the program, so that signals reach the program directly.
        Assert.Equal(["dotnet", Path.Combine(AppContext.BaseDirectory, program)], CommandLine(process.Id));
        await process.TerminateAsync();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task Migrate_RunsToItsEnd()
    {
        var settings = Settings("migrate");
        var (exitCode, output) = await RunAsync(settings);

        Assert.True(exitCode == 0, output);
        Assert.Equal(0, (await RunAsync(settings, "health")).ExitCode);
    }

    [Fact]
    public async Task ArgumentsArePassedOn()
    {
        var (exitCode, output) = await RunAsync(
            Settings("bunker_proxy"), "mint", "--prefix", "a b", "--methods", "GET", "--expires-in", "60");

        Assert.True(exitCode == 0, output);
        Assert.Single(output.Trim().Split('\n'));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("HTTP")]
    [InlineData("http grpc")]
    [InlineData("*")]
    public async Task WrongMode_Is64_AndOneLineThatNamesTheFive(string? mode)
    {
        var settings = Settings(mode);

        // Reads standard error only.
        var (exitCode, errors) = await ServerProcess.RunAsync("sh", ["-c", "exec sh \"$0\" 2>&1 >/dev/null", Script], settings!);

        Assert.Equal(64, exitCode);
        var line = Assert.Single(errors.TrimEnd('\n').Split('\n'));
        Assert.All(["migrate", "http", "grpc", "worker", "bunker_proxy"], name => Assert.Contains(name, line, StringComparison.Ordinal));
    }

    /// <summary>The health check of the script uses the default ports of the programs.</summary>
    [Fact]
    public void DefaultPorts_AreTheHosts()
    {
        var defaults = new HostSettings();
        var expected = SettingsBinder.Settings(typeof(HostSettings))
            .Where(setting => setting.Setting.Variable.EndsWith("_PORT", StringComparison.Ordinal))
            .ToDictionary(setting => setting.Setting.Variable, setting => $"{setting.Property.GetValue(defaults)}");
        var found = DefaultPort().Matches(File.ReadAllText(Script)).ToDictionary(match => match.Groups["variable"].Value, match => match.Groups["port"].Value);

        Assert.Equal(expected.OrderBy(port => port.Key), found.OrderBy(port => port.Key));
    }

    private static string[] CommandLine(int processId) => File.ReadAllText($"/proc/{processId}/cmdline").TrimEnd('\0').Split('\0');

    private static Task<(int ExitCode, string Output)> RunAsync(Dictionary<string, string> settings, params string[] arguments) =>
        ServerProcess.RunAsync("sh", [Script, .. arguments], settings!);

    private Dictionary<string, string> Settings(string? mode)
    {
        var settings = new Dictionary<string, string>(grid.Services!.Settings) { ["APP"] = AppContext.BaseDirectory.TrimEnd('/') };
        if (mode is not null)
        {
            settings["SCAIGRID_MODE"] = mode;
        }

        return settings;
    }

    [GeneratedRegex(@"\$\{(?<variable>\w+_PORT):-(?<port>\d+)\}")]
    private static partial Regex DefaultPort();
}
