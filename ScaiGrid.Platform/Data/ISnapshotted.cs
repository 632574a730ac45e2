namespace ScaiGrid.Platform.Data;

/// <summary>An entity that the hot path's snapshot contains: saving a change to one gives the snapshot a new revision.</summary>
internal interface ISnapshotted;
