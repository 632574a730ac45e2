using System.Diagnostics.Metrics;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Metrics of the usage that is on its way to the database.</summary>
internal sealed class UsageMetrics
{
    private readonly Counter<long> _flushed;
    private readonly Histogram<double> _seconds;
    private long _buffered;

    public UsageMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("ScaiGrid.Accounting");
        _flushed = meter.CreateCounter<long>("scaigrid_usage_flushed", description: "Usage records written to the database.");
        _seconds = meter.CreateHistogram<double>("scaigrid_usage_flush_seconds", description: "Duration of a flush.");
        meter.CreateObservableGauge(
            "scaigrid_usage_buffered", () => Volatile.Read(ref _buffered), description: "Usage records that wait in Redis, at the last flush.");
    }

    public void Flushed(int records) => _flushed.Add(records);

    public void Finished(TimeSpan duration, long buffered)
    {
        _seconds.Record(duration.TotalSeconds);
        Volatile.Write(ref _buffered, buffered);
    }
}
