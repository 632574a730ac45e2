using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Metering;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Settles the reservations of a dead process by the usage records in its journal. Otherwise <see cref="ReservationKeeper"/> would release them, and
/// a budget would miss these calls until it is recomputed from the database.
/// </summary>
/// <remarks>
/// The use counts in the period that the budget is in, as the reservation does not say when its periods begin: that of a call from before the end of a
/// period, or the first one after it, may count in the other until the budget is recomputed.
/// </remarks>
internal sealed partial class AbandonedReservations(AdmissionStore store, AdmissionMetrics metrics, ILogger<AbandonedReservations> logger)
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
        foreach (var owned in records.GroupBy(owner))
        {
            foreach (var reservation in await OpenReservation.ReadAsync(store.Database, owned.Key, owned.Select(record => record.Id).Distinct()))
            {
                var record = owned.First(record => record.Id == reservation.Ticket);
                var use = new Settlement(record.Cost, record.TokensIn + record.TokensOut, DateTimeOffset.UnixEpoch.AddMicroseconds(record.CreatedAt));
                settled += await reservation.CountAsync(store.Database, owned.Key, use) ? 1 : 0;
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
