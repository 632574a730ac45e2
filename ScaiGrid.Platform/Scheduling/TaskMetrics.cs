using System.Diagnostics.Metrics;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>How scheduled tasks end: ok, failed, timeout or cancelled.</summary>
internal sealed class TaskMetrics
{
    private readonly Counter<long> _runs;
    private readonly Histogram<double> _duration;

    public TaskMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("ScaiGrid.Scheduling");
        _runs = meter.CreateCounter<long>("scaigrid_scheduled_task_runs");
        _duration = meter.CreateHistogram<double>("scaigrid_scheduled_task_duration_seconds");
    }

    public void Ended(string task, string outcome, TimeSpan duration)
    {
        _runs.Add(1, new("task", task), new("outcome", outcome));
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("task", task));
    }
}
