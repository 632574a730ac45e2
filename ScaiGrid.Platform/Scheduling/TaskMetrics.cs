using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Metrics of the outcomes of scheduled tasks: ok, failed, timeout or cancelled.</summary>
internal sealed class TaskMetrics
{
    private readonly Counter<long> _runs;
    private readonly Histogram<double> _duration;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _succeeded = new();

    public TaskMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("ScaiGrid.Scheduling");
        _runs = meter.CreateCounter<long>("scaigrid_scheduled_task_runs");
        _duration = meter.CreateHistogram<double>("scaigrid_scheduled_task_duration_seconds");
        meter.CreateObservableGauge(
            "scaigrid_scheduled_task_last_success_timestamp_seconds",
            () => _succeeded.Select(pair => new Measurement<double>(pair.Value.ToUnixTimeMilliseconds() / 1000.0, new KeyValuePair<string, object?>("task", pair.Key))),
            description: "Start of the last successful run on this worker.");
    }

    public void Ended(string task, string outcome, TimeSpan duration, DateTimeOffset startedAt)
    {
        if (outcome == TaskOutcome.Ok)
        {
            _succeeded[task] = startedAt;
        }

        _runs.Add(1, new("task", task), new("outcome", outcome));
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("task", task));
    }
}
