using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Settles the reservations of a dead process by the usage records in its journal. Otherwise <see cref="ReservationKeeper"/> would release them, and
/// a budget would miss these calls until it is recomputed from the database.
/// </summary>
/// <remarks>
/// The use counts in the period of its record, which a budget may have left, or not have entered yet. A reservation does not say when its budgets'
/// periods begin; the snapshot does, except of a budget that it does not have yet.
/// </remarks>
internal sealed partial class AbandonedReservations(AdmissionStore store, SnapshotStore snapshots, AdmissionMetrics metrics, ILogger<AbandonedReservations> logger)
{
    /// <summary>
    /// Counts the calls whose reservations are still open; a repetition does nothing. Must be called before the records are on their way to the database:
    /// a call that the database already has is counted from there.
    /// </summary>
    /// <exception cref="RedisException">Redis is unavailable. An error that it answers with is logged instead: usage must be stored all the same.</exception>
    public async Task SettleAsync(IReadOnlyCollection<UsageRecord> records)
    {
        try
        {
            await SettleAsync(records, record => record.TenantId);
            await SettleAsync(records, record => record.PartnerId);
        }
        catch (Exception exception) when (exception is RedisServerException or RedisCommandException)
        {
            SettlingFailed(records.Count, exception.Message);
        }
    }

    private async Task SettleAsync(IReadOnlyCollection<UsageRecord> records, Func<UsageRecord, string> owner)
    {
        var settled = 0;
        Dictionary<string, BudgetRule>? rules = null;
        foreach (var owned in records.GroupBy(owner))
        {
            foreach (var reservation in await OpenReservation.ReadAsync(store.Database, owned.Key, owned.Select(record => record.Id).Distinct()))
            {
                var record = owned.First(record => record.Id == reservation.Ticket);
                var use = new Settlement(record.Cost, record.TokensIn + record.TokensOut, DateTimeOffset.UnixEpoch.AddMicroseconds(record.CreatedAt));
                rules ??= snapshots.Current.Admission.Budgets.Values.SelectMany(list => list).ToDictionary(rule => AdmissionKeys.Budget(rule.Owner, rule.Id));
                settled += await reservation.CountAsync(store.Database, owned.Key, use, rules) ? 1 : 0;
            }
        }

        if (settled > 0)
        {
            metrics.Recovered(settled);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis did not settle the reservations of {Count} calls of a dead process, whose use counts when the budgets are recomputed: {Reason}")]
    private partial void SettlingFailed(int count, string reason);
}
