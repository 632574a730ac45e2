using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Settings of queued work.</summary>
public sealed class JobOptions
{
    [Setting("SCAIGRID_JOB_LEASE_S", "Seconds after which the queued work of a worker that died is taken up by another.")]
    [Range(typeof(TimeSpan), "00:00:02", "00:10:00")]
    public TimeSpan JobLease { get; set; } = TimeSpan.FromSeconds(30);
}
