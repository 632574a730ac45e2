using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Settings of the workers' common schedule.</summary>
public sealed class SchedulingOptions
{
    [Setting("SCAIGRID_TASK_GRACE_S", "Seconds after which a scheduled task that no running worker knows any more is removed from the schedule. Until then it waits for a worker of the version that does.")]
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan TaskGrace { get; set; } = TimeSpan.FromDays(1);
}
