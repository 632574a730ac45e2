namespace ScaiGrid.Inference.Routing;

/// <summary>Holds the current snapshot behind one volatile field. Calls in flight keep the one they started with.</summary>
public sealed class SnapshotStore(TimeProvider time)
{
    /// <summary>How long a snapshot may go unconfirmed. After that, an unknown key may be a new one and is not rejected as wrong.</summary>
    private static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(5);

    private volatile GridSnapshot _current = GridSnapshot.Empty;
    private long _confirmedAt;
    private bool _isRestored;

    public GridSnapshot Current => _current;

    public bool IsLoaded => _current.Revision >= 0;

    /// <summary>
    /// True while the control plane has not confirmed the snapshot lately: what is not in it is then unknown, not absent.
    /// </summary>
    public bool IsStale => IsRestored || Age is not { } age || age > StaleAfter;

    /// <summary>True while the snapshot is one from disk, which the control plane of this moment has not confirmed.</summary>
    public bool IsRestored => Volatile.Read(ref _isRestored);

    /// <summary>Since the control plane last confirmed the snapshot; null before the first load.</summary>
    public TimeSpan? Age => IsLoaded ? time.GetElapsedTime(Volatile.Read(ref _confirmedAt)) : null;

    public void Swap(GridSnapshot snapshot)
    {
        _current = snapshot;
        Volatile.Write(ref _isRestored, false);
        Confirm();
    }

    /// <summary>Serves a snapshot from disk.</summary>
    public void Restore(GridSnapshot snapshot, TimeSpan age)
    {
        Volatile.Write(ref _isRestored, true);
        Volatile.Write(ref _confirmedAt, time.GetTimestamp() - (long)(age.TotalSeconds * time.TimestampFrequency));
        _current = snapshot;
    }

    /// <summary>The control plane's revision is still the one that is loaded.</summary>
    public void Confirm() => Volatile.Write(ref _confirmedAt, time.GetTimestamp());
}
