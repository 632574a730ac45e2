using System.Diagnostics.Metrics;

namespace ScaiGrid.Inference.Admission;

/// <summary>Counters of refused calls, of calls decided without Redis, and of recovered reservations.</summary>
public sealed class AdmissionMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _blocks;
    private readonly Counter<long> _limited;
    private readonly Counter<long> _withoutRedis;
    private readonly Counter<long> _recovered;

    public AdmissionMetrics(IMeterFactory meters)
    {
        _meter = meters.Create("ScaiGrid.Admission");
        _blocks = _meter.CreateCounter<long>("scaigrid_budget_blocks", description: "Calls that a budget refused or throttled.");
        _limited = _meter.CreateCounter<long>("scaigrid_rate_limited", description: "Calls that a rate limit refused.");
        _withoutRedis = _meter.CreateCounter<long>("scaigrid_admission_without_redis", description: "Calls admitted or refused while Redis was unavailable.");
        _recovered = _meter.CreateCounter<long>("scaigrid_reservations_recovered", description: "Settled or released reservations of calls that no longer run.");
    }

    public void Dispose() => _meter.Dispose();

    internal void BudgetBlocked(string tenantId, string action) =>
        _blocks.Add(1, new KeyValuePair<string, object?>("tenant_id", tenantId), new KeyValuePair<string, object?>("action", action));

    internal void RateLimited(string tenantId) => _limited.Add(1, new KeyValuePair<string, object?>("tenant_id", tenantId));

    internal void WithoutRedis() => _withoutRedis.Add(1);

    internal void Recovered(int count) => _recovered.Add(count);
}
