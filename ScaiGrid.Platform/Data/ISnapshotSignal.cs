namespace ScaiGrid.Platform.Data;

/// <summary>Tells every process that the snapshot has a new revision. Optional: the revision in the database is what counts.</summary>
public interface ISnapshotSignal
{
    /// <summary>Called after the commit. A failure is logged and does not fail the caller, whose change is stored.</summary>
    ValueTask ChangedAsync(CancellationToken cancellationToken);
}
