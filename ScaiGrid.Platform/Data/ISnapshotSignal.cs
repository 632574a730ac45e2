namespace ScaiGrid.Platform.Data;

/// <summary>Notifies all processes that the snapshot has a new revision. Optional: processes also poll the revision in the database.</summary>
public interface ISnapshotSignal
{
    /// <summary>Called after the commit. A failure is logged and not reported to the caller, whose change is stored.</summary>
    ValueTask ChangedAsync(CancellationToken cancellationToken);
}
