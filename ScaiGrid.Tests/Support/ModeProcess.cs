using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A mode of ScaiGrid as a real process on a free loopback port, with its own data directory and environment: ScaiGrid's variables in the tests'
/// environment are not passed on. It ends with the test, even if the test run is killed.
/// </summary>
public sealed partial class ModeProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;
    private const int MaxOutputLines = 5000;
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(60);
    private static readonly string[] OwnVariables = ["SCAIGRID_", "ASPNETCORE_", "DOTNET_", "ConnectionStrings__", "OTEL_", "DISPATCH_"];
    private static readonly string[] PassedOn = ["DOTNET_ROOT", "DOTNET_TieredPGO", "DOTNET_EnableWriteXorExecute"];

    private readonly TemporaryFolder _data = new();
    private readonly ConcurrentQueue<string> _output = new();
    private readonly Process _process;
    private long _outputBytes;

    private ModeProcess(Mode mode, Uri? address, IReadOnlyDictionary<string, string>? settings, string[] arguments, SmallDisk? disk = null)
    {
        Mode = mode;
        BaseAddress = address ?? new Uri("http://127.0.0.1");
        _process = new Process { StartInfo = StartInfo(settings, [.. disk?.Enter ?? [], "dotnet", mode.Program(), .. arguments]) };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Mode Mode { get; }

    public Uri BaseAddress { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Its standard output and error; the oldest lines are dropped after some thousands.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>The number of bytes it wrote so far, including dropped ones.</summary>
    public long OutputBytes => Interlocked.Read(ref _outputBytes);

    /// <summary>Peak resident memory, including mapped files.</summary>
    public long PeakMemoryBytes => MemoryBytes("VmHWM:");

    /// <summary>The resident memory after a full, blocking garbage collection: what the process holds, and not what its collector has not looked at.</summary>
    public async Task<long> HeldBytesAsync()
    {
        // An event session with this keyword (GCHeapCollect of Microsoft-Windows-DotNETRuntime) makes the runtime collect before it begins.
        var collection = new EventPipeProvider("Microsoft-Windows-DotNETRuntime", EventLevel.Informational, keywords: 0x800000);
        using (var session = new DiagnosticsClient(Id).StartEventPipeSession(collection, requestRundown: false))
        {
            await session.StopAsync(TestContext.Current.CancellationToken);
            await session.EventStream.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        }

        return MemoryBytes("VmRSS:");
    }

    /// <summary>The number of open files and sockets.</summary>
    public int OpenHandles => Directory.EnumerateFileSystemEntries($"/proc/{Id}/fd").Count();

    /// <summary>Names of the files that are mapped into the process, which include all loaded assemblies.</summary>
    public IReadOnlyCollection<string> LoadedFiles =>
        [.. File.ReadLines($"/proc/{Id}/maps").Where(line => line.Contains('/', StringComparison.Ordinal)).Select(line => Path.GetFileName(line)).Distinct()];

    /// <summary>Starts a mode and waits until it answers <c>/health</c>.</summary>
    public static Task<ModeProcess> StartAsync(
        Mode mode, IReadOnlyDictionary<string, string>? settings = null, CancellationToken cancellationToken = default, params string[] arguments) =>
        StartAsync(mode, settings, disk: null, arguments, cancellationToken);

    /// <summary>Starts a mode that sees a small disk, and waits until it answers <c>/health</c>.</summary>
    public static Task<ModeProcess> StartAsync(Mode mode, IReadOnlyDictionary<string, string> settings, SmallDisk? disk) =>
        StartAsync(mode, settings, disk, arguments: [], CancellationToken.None);

    private static async Task<ModeProcess> StartAsync(
        Mode mode, IReadOnlyDictionary<string, string>? settings, SmallDisk? disk, string[] arguments, CancellationToken cancellationToken)
    {
        // A port in the settings is one that others must know in advance.
        var withPort = new Dictionary<string, string>(settings ?? new Dictionary<string, string>());
        withPort.TryAdd(mode.PortVariable(), FreePort.Next().ToString(CultureInfo.InvariantCulture));
        var port = withPort[mode.PortVariable()];
        var process = new ModeProcess(mode, new Uri($"http://127.0.0.1:{port}"), withPort, arguments, disk);
        try
        {
            await process.WaitForHealthAsync(cancellationToken);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a mode to its end, which must be successful, and returns its output.</summary>
    public static async Task<string> RunAsync(
        Mode mode, IReadOnlyDictionary<string, string>? settings = null, CancellationToken cancellationToken = default, params string[] arguments)
    {
        var (exitCode, output) = await RunToEndAsync(mode, settings, cancellationToken, arguments);
        Assert.True(exitCode == 0, $"{mode} ended with {exitCode}:\n{output}");
        return output;
    }

    /// <summary>Runs a mode to its end, successful or not: for one-shot modes, wrong settings and commands.</summary>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(
        Mode mode, IReadOnlyDictionary<string, string>? settings = null, CancellationToken cancellationToken = default, params string[] arguments)
    {
        await using var process = new ModeProcess(mode, address: null, settings, arguments);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StartPatience);
        await process._process.WaitForExitAsync(patience.Token);
        return (process._process.ExitCode, process.Output);
    }

    /// <summary>A client for it. The gRPC mode uses HTTP/2 without TLS, which a client must know in advance.</summary>
    public HttpClient CreateClient() => new(new SocketsHttpHandler())
    {
        BaseAddress = BaseAddress,
        Timeout = TimeSpan.FromMinutes(5),
        DefaultRequestVersion = Mode == Mode.Grpc ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>Kills it with SIGKILL.</summary>
    public Task KillAsync() => StopAsync(SigKill, DrainPatience);

    /// <summary>Sends SIGTERM, and returns the exit code after the drain.</summary>
    public async Task<int> TerminateAsync()
    {
        await StopAsync(SigTerm, DrainPatience);
        return _process.ExitCode;
    }

    /// <summary>Sends SIGTERM without waiting for the end.</summary>
    public void BeginTerminate() => _ = Kill(Id, SigTerm);

    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            try
            {
                _ = Kill(Id, SigTerm);
                using var patience = new CancellationTokenSource(StopPatience);
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                await KillAsync();
            }
        }

        _process.Dispose();
        _data.Dispose();
    }

    private ProcessStartInfo StartInfo(IReadOnlyDictionary<string, string>? settings, string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = _data.Path,
        };
        foreach (var name in start.Environment.Keys.Where(name => OwnVariables.Any(own => name.StartsWith(own, StringComparison.OrdinalIgnoreCase))).ToArray())
        {
            // The location of .NET must be passed on, and what ./test says about how its runtime compiles.
            if (!PassedOn.Any(own => name.StartsWith(own, StringComparison.Ordinal)))
            {
                start.Environment.Remove(name);
            }
        }

        start.Environment["SCAIGRID_DATA_DIR"] = _data.Path;

        // The pipe to its standard input closes with this process, however that ends.
        start.Environment["SCAIGRID_EXIT_WITH_STDIN"] = "true";
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private async Task WaitForHealthAsync(CancellationToken cancellationToken)
    {
        using var client = CreateClient();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StartPatience);
        while (true)
        {
            try
            {
                using var health = await client.GetAsync(new Uri("/health", UriKind.Relative), patience.Token);
                if (health.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new TimeoutException($"{Mode} did not become healthy:\n{Output}");
            }

            if (_process.HasExited)
            {
                // Waits for the last lines as well.
                await _process.WaitForExitAsync(cancellationToken);
                throw new InvalidOperationException($"{Mode} ended with {_process.ExitCode}:\n{Output}");
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    private async Task StopAsync(int signal, TimeSpan atMost)
    {
        _ = Kill(Id, signal);
        using var patience = new CancellationTokenSource(atMost);
        await _process.WaitForExitAsync(patience.Token);
    }

    private long MemoryBytes(string name) => 1024 * long.Parse(
        File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..^2],
        NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
        CultureInfo.InvariantCulture);

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
        {
            _output.Enqueue(line.Data);
            Interlocked.Add(ref _outputBytes, Encoding.UTF8.GetByteCount(line.Data) + 1);
            while (_output.Count > MaxOutputLines)
            {
                _output.TryDequeue(out _);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
