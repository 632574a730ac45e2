namespace ScaiGrid.Platform.Data;

/// <summary>Marks an entity of the hot path's snapshot: saving a change of one increments the snapshot's revision.</summary>
internal interface ISnapshotted;
