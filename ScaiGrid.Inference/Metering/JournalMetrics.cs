using System.Diagnostics.Metrics;

namespace ScaiGrid.Inference.Metering;

/// <summary>Gauges of this replica's usage that is not in Redis yet, as of the shipper's last round.</summary>
internal sealed class JournalMetrics : IDisposable
{
    private readonly Meter _meter;
    private long _bytes;
    private int _inMemory;
    private long _caughtUpAt;

    public JournalMetrics(IMeterFactory meters, TimeProvider time)
    {
        _caughtUpAt = time.GetTimestamp();
        _meter = meters.Create("ScaiGrid.Metering");
        _meter.CreateObservableGauge("scaigrid_usage_journal_bytes", () => Volatile.Read(ref _bytes), description: "Usage on this replica's disk that is not in Redis.");
        _meter.CreateObservableGauge(
            "scaigrid_usage_journal_lag_seconds",
            () => time.GetElapsedTime(Volatile.Read(ref _caughtUpAt)).TotalSeconds,
            description: "Seconds since all of this replica's usage was in Redis.");
        _meter.CreateObservableGauge(
            "scaigrid_usage_in_memory", () => Volatile.Read(ref _inMemory), description: "Usage records in memory, because neither this replica's disk nor Redis could store them.");
    }

    public void Measured(long bytes, int inMemory)
    {
        Volatile.Write(ref _bytes, bytes);
        Volatile.Write(ref _inMemory, inMemory);
    }

    /// <param name="at">The start of a round after which nothing was left to ship.</param>
    public void CaughtUp(long at) => Volatile.Write(ref _caughtUpAt, at);

    public void Dispose() => _meter.Dispose();
}
