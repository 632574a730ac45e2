using ScaiGrid.Platform.Scheduling;
using ScaiGrid.ServiceDefaults;

namespace ScaiGrid.Worker;

/// <summary>Makes the drain wait for running scheduled work, as it waits for requests.</summary>
internal sealed class DrainGate(DrainState drain) : IWorkGate
{
    public CancellationToken Draining => drain.Draining;

    public bool TryEnter() => drain.TryEnter();

    public void Exit() => drain.Exit();
}
