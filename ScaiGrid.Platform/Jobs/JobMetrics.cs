using System.Diagnostics.Metrics;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Metrics of queued work: outcomes, durations, and the number of waiting and dead jobs.</summary>
internal sealed class JobMetrics
{
    private readonly Counter<long> _ended;
    private readonly Histogram<double> _duration;
    private volatile IReadOnlyList<JobCount> _counts = [];

    public JobMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("ScaiGrid.Jobs");
        _ended = meter.CreateCounter<long>("scaigrid_jobs_ended", description: "Queued work that ended, by outcome: done, failed, again or released.");
        _duration = meter.CreateHistogram<double>("scaigrid_job_duration_seconds", description: "From a job's claim to its end.");
        meter.CreateObservableGauge("scaigrid_jobs", Measure, description: "Queued work in the database, ready or dead, at the last count.");
    }

    public void Ended(string queue, JobEndKind kind, TimeSpan duration)
    {
        _ended.Add(1, new("queue", queue), new("outcome", Enum.GetName(kind)!.ToLowerInvariant()));
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("queue", queue));
    }

    public void Counted(IReadOnlyList<JobCount> counts) => _counts = counts;

    private IEnumerable<Measurement<long>> Measure() =>
        _counts.Select(count => new Measurement<long>(count.Count, new("queue", count.Queue), new("state", count.State)));
}

internal sealed record JobCount(string Queue, string State, long Count);
