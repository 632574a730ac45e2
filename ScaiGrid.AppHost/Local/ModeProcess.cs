using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace ScaiGrid.AppHost.Local;

/// <summary>
/// The process of one mode. Its standard input is a pipe that this process holds: however this process ends, the child reads end of file and ends
/// as well. .NET opens that pipe close-on-exec, so no sibling keeps it open.
/// </summary>
internal sealed class ModeProcess(Mode mode, LocalEnvironment environment, Lines lines, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Steady = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Process? _process;
    private bool _stopping;

    public Mode Mode => mode;

    public bool IsRunning
    {
        get
        {
            lock (_gate)
            {
                return _process is { HasExited: false };
            }
        }
    }

    /// <summary>
    /// Keeps the mode running until it is stopped. Returns its exit code if a restart cannot help, because a setting is wrong.
    /// </summary>
    public async Task<int> SuperviseAsync(CancellationToken cancellationToken)
    {
        var delay = FirstDelay;
        while (true)
        {
            var started = time.GetTimestamp();
            var exitCode = await RunAsync();
            if (_stopping || exitCode is StartException.ConfigurationExitCode or Arguments.UsageExitCode)
            {
                return exitCode;
            }

            delay = time.GetElapsedTime(started) > Steady ? FirstDelay : delay;
            lines.Write(Lines.AppHost, $"{mode.Name} ended with exit code {exitCode}; it starts again in {delay.TotalSeconds:0} s.");
            await Task.Delay(delay, time, cancellationToken);
            delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
        }
    }

    /// <summary>Runs the mode once, until it ends.</summary>
    public async Task<int> RunAsync()
    {
        using var process = new Process { StartInfo = StartInfo() };
        lock (_gate)
        {
            if (_stopping)
            {
                return 0;
            }

            Start(process);
            _process = process;
        }

        var output = Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError));
        await process.WaitForExitAsync();
        try
        {
            // A process that inherited its output may keep it open forever.
            await output.WaitAsync(LastLines, time);
        }
        catch (TimeoutException)
        {
            lines.Write(Lines.AppHost, $"{mode.Name} left a process behind that still writes.");
        }

        lock (_gate)
        {
            _process = null;
            return process.ExitCode;
        }
    }

    /// <summary>Asks it to stop; it is not restarted.</summary>
    public void Stop() => Signal(process =>
    {
        if (OperatingSystem.IsWindows())
        {
            process.StandardInput.Close();
        }
        else
        {
            UnixProcess.Terminate(process.Id);
        }
    });

    public void Kill() => Signal(process => process.Kill());

    public void Dispose() => Kill();

    private void Signal(Action<Process> send)
    {
        lock (_gate)
        {
            _stopping = true;
            if (_process is { HasExited: false } process)
            {
                try
                {
                    send(process);
                }
                catch (Exception exception) when (exception is InvalidOperationException or Win32Exception)
                {
                    // Already ended.
                }
            }
        }
    }

    private static void Start(Process process)
    {
        var program = process.StartInfo.ArgumentList[0];
        if (!File.Exists(program))
        {
            throw new StartException($"{program} is missing. Build the whole solution, or start with dotnet run.", 1);
        }

        process.Start();
    }

    private ProcessStartInfo StartInfo()
    {
        var start = new ProcessStartInfo(DotnetPath())
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = System.Text.Encoding.UTF8,
            StandardErrorEncoding = System.Text.Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.GetFullPath(Path.Combine(Metadata("SourceRoot"), mode.Project, Metadata("ProgramFolder"), mode.Project + ".dll")));
        environment.ApplyTo(start.Environment, mode);
        return start;
    }

    /// <summary>The dotnet executable that runs this process: the one on the path may be another, or missing.</summary>
    private static string DotnetPath() => Path.GetFullPath(
        Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private static string Metadata(string key) =>
        typeof(ModeProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == key).Value!;

    private async Task PumpAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Write(mode.Name, line);
        }
    }
}
