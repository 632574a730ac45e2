using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Ends the process in order. The first signal drains it while the server still listens: readiness and new requests get 503. Then the host
/// stops with exit code 0. A second signal ends the process at once.
/// </summary>
internal sealed partial class DrainLifetime(
    DrainState drain,
    ServiceDefaultsOptions options,
    IHostApplicationLifetime application,
    TimeProvider time,
    ILogger<DrainLifetime> logger) : IHostLifetime, IDisposable
{
    /// <summary>Ctrl-C reaches the whole process group, and the parent then sends SIGTERM itself: both count as one request to stop.</summary>
    private static readonly TimeSpan SameRequest = TimeSpan.FromSeconds(1);

    /// <summary>A starting host may finish its start, because stopping during it throws; one that hangs is not waited for.</summary>
    private static readonly TimeSpan StartGrace = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly List<IDisposable> _registrations = [];
    private PosixSignal? _first;
    private long _firstAt;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }

        // Without a parent there is nobody to answer: no drain.
        _registrations.Add(ParentWatch.Gone.Register(() => _ = StopAsync()));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        lock (_gate)
        {
            if (_first is null)
            {
                _first = context.Signal;
                _firstAt = time.GetTimestamp();
                _ = DrainAsync();
                return;
            }

            if (context.Signal != _first && time.GetElapsedTime(_firstAt) < SameRequest)
            {
                return;
            }
        }

        // 128 + the signal's number, as a shell would report it.
        Environment.Exit(context.Signal switch { PosixSignal.SIGINT => 130, PosixSignal.SIGQUIT => 131, _ => 143 });
    }

    private async Task DrainAsync()
    {
        drain.Begin();
        DrainStarted(drain.InFlight);
        try
        {
            await drain.Idle.WaitAsync(options.DrainTimeout, time);
            var elapsed = time.GetElapsedTime(_firstAt);
            DrainFinished(elapsed.TotalSeconds);
        }
        catch (TimeoutException)
        {
            DrainTimedOut(drain.InFlight);
        }

        await StopAsync();
    }

    private async Task StopAsync()
    {
        try
        {
            await Task.Delay(StartGrace, time, application.ApplicationStarted);
        }
        catch (OperationCanceledException)
        {
            application.StopApplication();
            return;
        }

        Environment.Exit(0);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Draining: {InFlight} in flight.")]
    private partial void DrainStarted(int inFlight);

    [LoggerMessage(Level = LogLevel.Information, Message = "Drained in {Seconds} s.")]
    private partial void DrainFinished(double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The drain timeout has expired with {InFlight} in flight.")]
    private partial void DrainTimedOut(int inFlight);
}
