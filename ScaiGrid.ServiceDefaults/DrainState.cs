namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Whether this process is draining, and how much work is still in flight. Requests are counted by the middleware; background work counts
/// itself with <see cref="TryEnter"/> and <see cref="Exit"/>.
/// </summary>
public sealed class DrainState : IDisposable
{
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _draining = new();
    private int _inFlight;
    private volatile bool _isDraining;

    public bool IsDraining => _isDraining;

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Cancelled when draining begins: streams without an end (watches, subscriptions) must end then.</summary>
    public CancellationToken Draining => _draining.Token;

    /// <summary>Completes when the process is draining and nothing is in flight.</summary>
    internal Task Idle => _idle.Task;

    public void Begin()
    {
        _isDraining = true;

        // Pairs with TryEnter, which increments first and checks second: at least one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (InFlight == 0)
        {
            _idle.TrySetResult();
        }

        // Not on this thread: a subscriber that blocks must not hold up the drain.
        _ = _draining.CancelAsync();
    }

    /// <summary>Counts a piece of work as started; false if the process is draining and accepts no more.</summary>
    public bool TryEnter()
    {
        Interlocked.Increment(ref _inFlight);
        if (!_isDraining)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>Counts a piece of work as finished; call once for each successful <see cref="TryEnter"/>.</summary>
    public void Exit()
    {
        if (Interlocked.Decrement(ref _inFlight) == 0 && _isDraining)
        {
            _idle.TrySetResult();
        }
    }

    public void Dispose() => _draining.Dispose();
}
