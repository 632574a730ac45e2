using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Settles the reservations of a dead process by the usage records in its journal. Otherwise <see cref="ReservationKeeper"/> would release them, and
/// a budget would miss these calls until it is recomputed from the database.
/// </summary>
internal sealed class LeftReservations(AdmissionStore store, AdmissionMetrics metrics)
{
    /// <summary>
    /// Counts the calls whose reservations are still open; a repetition does nothing. Must be called before the records are on their way to the database:
    /// a call that the database already has is counted from there.
    /// </summary>
    public async Task SettleAsync(IReadOnlyCollection<UsageRecord> records)
    {
        var owned = records.Select(record => (Owner: record.TenantId, Record: record)).Concat(records.Select(record => (Owner: record.PartnerId, Record: record)));
        foreach (var owner in owned.ToLookup(pair => pair.Owner, pair => pair.Record))
        {
            await SettleAsync(owner.Key, owner.ToLookup(record => record.Id));
        }
    }

    private async Task SettleAsync(string owner, ILookup<string, UsageRecord> records)
    {
        var settled = 0;
        foreach (var reservation in await OpenReservation.ReadAsync(store.Database, owner, records.Select(record => record.Key)))
        {
            var record = records[reservation.Ticket].First();
            var use = new Settlement(record.Cost, record.TokensIn + record.TokensOut, DateTimeOffset.UnixEpoch.AddMicroseconds(record.CreatedAt));
            settled += await reservation.CountAsync(store.Database, owner, use) ? 1 : 0;
        }

        if (settled > 0)
        {
            metrics.Recovered(settled);
        }
    }
}
