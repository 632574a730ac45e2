using System.Globalization;

namespace ScaiGrid.Tests.Support;

/// <summary>The AppHost with its embedded environment, started as in the README, on free ports and in a temporary data directory.</summary>
public sealed class AppHostProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder? _ownFolder;
    private readonly ServerProcess _process;

    private AppHostProcess(ServerProcess process, TemporaryFolder? ownFolder, string dataFolder, int[] ports)
    {
        (_process, _ownFolder, DataFolder) = (process, ownFolder, dataFolder);
        (ApiAddress, GrpcAddress, BunkerProxyAddress) = (Address(ports[0]), Address(ports[1]), Address(ports[2]));
        (WorkerAddress, DevIdentityAddress) = (Address(ports[3]), Address(ports[4]));
    }

    public Uri ApiAddress { get; }

    public Uri GrpcAddress { get; }

    public Uri BunkerProxyAddress { get; }

    public Uri WorkerAddress { get; }

    public Uri DevIdentityAddress { get; }

    public string DataFolder { get; }

    public int Id => _process.Id;

    public string Output => _process.Output;

    /// <summary>The exit code of an AppHost that has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>The curl line of its banner.</summary>
    public string CurlLine { get; private set; } = "";

    /// <summary>The AppHost and all its descendants, found by the data directory in their environment.</summary>
    public IReadOnlyList<int> Processes
    {
        get
        {
            var variable = $"SCAIGRID_DATA_DIR={DataFolder}";
            return [.. Directory.EnumerateDirectories("/proc").Where(folder => EnvironmentOf(folder).Contains(variable)).Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture))];
        }
    }

    /// <summary>Starts it and waits for its banner.</summary>
    /// <param name="settings">Environment variables.</param>
    /// <param name="dataFolder">The folder of an earlier run; null for a temporary one.</param>
    /// <param name="choosesInnerPorts">Whether to set the ports of the worker and the development provider as well; otherwise only the README's five
    /// variables.</param>
    /// <param name="withDotnetRun">Whether to start it by <c>dotnet run</c>, as in the README; the AppHost is then a child of that process.</param>
    public static async Task<AppHostProcess> StartAsync(IReadOnlyDictionary<string, string>? settings = null, string? dataFolder = null, bool withDotnetRun = false, bool choosesInnerPorts = true)
    {
        var ownFolder = dataFolder is null ? new TemporaryFolder() : null;
        dataFolder ??= ownFolder!.File("data");
        int[] ports = [FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next(), FreePort.Next()];
        var environment = new Dictionary<string, string>(settings ?? new Dictionary<string, string>())
        {
            ["SCAIGRID_DATA_DIR"] = dataFolder,
            ["SCAIGRID_HTTP_PORT"] = ports[0].ToString(CultureInfo.InvariantCulture),
            ["SCAIGRID_GRPC_PORT"] = ports[1].ToString(CultureInfo.InvariantCulture),
            ["SCAIGRID_BUNKER_PROXY_PORT"] = ports[2].ToString(CultureInfo.InvariantCulture),
        };
        if (choosesInnerPorts)
        {
            environment["SCAIGRID_WORKER_PORT"] = ports[3].ToString(CultureInfo.InvariantCulture);
            environment["SCAIGRID_DEV_IDENTITY_PORT"] = ports[4].ToString(CultureInfo.InvariantCulture);
        }

        string[] command = withDotnetRun ? ["run", "--no-build", "--configuration", Configuration, "--project", Project, "--", "--local"] : [Program, "--local"];
        var process = ServerProcess.Start("dotnet", command, environment);
        var host = new AppHostProcess(process, ownFolder, dataFolder, ports);
        try
        {
            await process.WaitForOutputAsync("curl ", StartPatience);
            host.CurlLine = process.Output.Split('\n').First(line => line.StartsWith("curl ", StringComparison.Ordinal));
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public Task KillAsync() => _process.KillAsync();

    /// <summary>Sends SIGTERM, and returns how long the process took to end.</summary>
    public Task<TimeSpan> TerminateAsync() => _process.TerminateAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _ownFolder?.Dispose();
    }

    // Built next to the tests, in its own folder, with the same configuration.
    public static string Program => Path.Combine(Project, "bin", Configuration, "net10.0", "ScaiGrid.AppHost.dll");

    private static string Project => Path.Combine(Repository.Root, "ScaiGrid.AppHost");

    private static string Configuration => Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/')))!;

    private static string[] EnvironmentOf(string processFolder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(processFolder, "environ")).Split('\0');
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // No such process, one that has just ended, or another user's.
            return [];
        }
    }

    private static Uri Address(int port) => new($"http://127.0.0.1:{port}");
}
