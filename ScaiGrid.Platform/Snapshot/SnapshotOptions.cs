using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Settings of replicas that start without the database.</summary>
public sealed class SnapshotOptions
{
    [Setting(
        "SCAIGRID_SNAPSHOT_MAX_AGE_S",
        "How old the snapshot on the data folder may be for a replica to start with it while the database is away; 0: never start with it.")]
    [Range(typeof(TimeSpan), "00:00:00", "30.00:00:00")]
    public TimeSpan MaxRestoredAge { get; set; } = TimeSpan.FromHours(24);
}
