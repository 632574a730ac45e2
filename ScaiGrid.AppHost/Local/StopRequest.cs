using System.Runtime.InteropServices;

namespace ScaiGrid.AppHost.Local;

/// <summary>A request to stop: a signal, or the end of the surrounding `dotnet run`. A second signal means to stop at once.</summary>
internal sealed class StopRequest : IDisposable
{
    private static readonly TimeSpan ParentInterval = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _now = new();
    private readonly List<IDisposable> _registrations = [];
    private readonly ITimer? _parentTimer;

    public StopRequest(TimeProvider time)
    {
        PosixSignal[] signals = OperatingSystem.IsWindows()
            ? [PosixSignal.SIGINT, PosixSignal.SIGTERM]
            : [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP];
        _registrations.AddRange(signals.Select(signal => PosixSignalRegistration.Create(signal, OnSignal)));

        if (!OperatingSystem.IsWindows() && UnixProcess.ParentIsDotnet())
        {
            var parent = UnixProcess.ParentId();
            _parentTimer = time.CreateTimer(_ => WatchParent(parent), null, ParentInterval, ParentInterval);
        }
    }

    /// <summary>Cancelled by the first request.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Cancelled by the second request.</summary>
    public CancellationToken Now => _now.Token;

    /// <summary>Whether the children got the signal as well: Ctrl-C on a terminal reaches the whole process group.</summary>
    public bool ReachedChildren { get; private set; }

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _parentTimer?.Dispose();
        _stop.Dispose();
        _now.Dispose();
    }

    private void WatchParent(int parent)
    {
        if (!OperatingSystem.IsWindows() && UnixProcess.ParentId() != parent)
        {
            _stop.Cancel();
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (_stop.IsCancellationRequested)
        {
            _now.Cancel();
            return;
        }

        ReachedChildren = context.Signal is PosixSignal.SIGINT or PosixSignal.SIGQUIT;
        _stop.Cancel();
    }
}
