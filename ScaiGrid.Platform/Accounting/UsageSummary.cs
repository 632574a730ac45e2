using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Sums usage from the daily and hourly rollups, from rows where a range begins or ends inside an hour, and from the records still waiting in Redis.
/// </summary>
/// <remarks>
/// Each call counts once: waiting records are read first, and those that are in the database by then (flushed in between, or not yet
/// removed) are left out in the same transaction in which the sums are read.
/// </remarks>
internal sealed class UsageSummary(IDbContextFactory<PlatformDb> databases, WaitingUsage waiting)
{
    private const int LookupBatch = 1000;

    private static readonly Expression<Func<UsageRow, UsageAmounts>> OfRow = row => new UsageAmounts
    {
        Key = "",
        Requests = 1,
        Input = row.TokensIn,
        Output = row.TokensOut,
        CostUnits = (row.Cost - (row.Cost % Money.NanosPerUnit)) / Money.NanosPerUnit,
        CostRest = row.Cost % Money.NanosPerUnit,
        BackendUnits = (row.BackendCost - (row.BackendCost % Money.NanosPerUnit)) / Money.NanosPerUnit,
        BackendRest = row.BackendCost % Money.NanosPerUnit,
    };

    /// <summary>For reports.</summary>
    public async Task<Summed<IReadOnlyList<UsageSum>>> SumAsync(UsageFilter filter, string groupBy, int limit, CancellationToken cancellationToken)
    {
        var (totals, isWhole) = await TotalsAsync(filter, groupBy, ifWhole: false, cancellationToken);
        return new(UsageAmounts.Greatest(totals, limit), isWhole);
    }

    /// <summary>One sum over everything that the filter matches, for budgets. The cost saturates at 64 bits.</summary>
    public async Task<Summed<UsageTotal>> TotalAsync(UsageFilter filter, CancellationToken cancellationToken)
    {
        var (totals, isWhole) = await TotalsAsync(filter, "tenant", ifWhole: true, cancellationToken);
        return new(UsageAmounts.TotalOf(totals), isWhole);
    }

    /// <summary>A scope's calls since a time, per minute, for budgets.</summary>
    public async Task<Summed<IReadOnlyList<(DateTimeOffset Start, UsageTotal Total)>>> MinutesAsync(
        UsageScope scope, DateTimeOffset start, CancellationToken cancellationToken)
    {
        var filter = UsageFilter.All(scope, start, end: null);
        var (pending, isWhole) = await PendingAsync(filter, ifWhole: true, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await UsageMinutes.SumAsync(db, scope, start, token);
                return stored.Concat((await WaitingUsage.MissingAsync(db, pending, token)).Select(UsageMinutes.Of));
            },
            cancellationToken);
        return new(
            [.. parts.GroupBy(part => part.Start).Select(minute => (minute.Key, minute.Aggregate(default(UsageTotal), (sum, part) => sum + part.Total)))],
            isWhole);
    }

    /// <summary>Finds which of the given calls were recorded before a time: not all of them, if the list of waiting records cannot be read whole.</summary>
    /// <param name="tenantId">The calls' tenant; null for several tenants.</param>
    /// <param name="partnerId">Their partner.</param>
    /// <param name="usageIds">The calls' usage ids, assigned in advance.</param>
    /// <param name="before">The time.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    public async Task<IReadOnlySet<string>> RecordedAsync(
        string? tenantId, string partnerId, IReadOnlySet<string> usageIds, DateTimeOffset before, CancellationToken cancellationToken)
    {
        // Waiting records first: one that is flushed in between is then found in the database.
        var scope = new WaitingScope(tenantId, partnerId);
        var pending = await waiting.ReadAsync(scope, row => row.CreatedAt < before && usageIds.Contains(row.Id), ifWhole: true, cancellationToken);
        var recorded = pending.Calls.Select(call => call.Row.Id).ToHashSet();
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        foreach (var some in usageIds.Chunk(LookupBatch))
        {
            recorded.UnionWith(await db.UsageRows.Where(row => some.Contains(row.Id) && row.CreatedAt < before).Select(row => row.Id).ToListAsync(cancellationToken));
        }

        return recorded;
    }

    private async Task<Summed<IEnumerable<UsageAmounts>>> TotalsAsync(UsageFilter filter, string groupBy, bool ifWhole, CancellationToken cancellationToken)
    {
        var (pending, isWhole) = await PendingAsync(filter, ifWhole, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await StoredAsync(db, filter, groupBy, token);
                var missing = await WaitingUsage.MissingAsync(db, pending, token);
                return stored.Concat(UsageAmounts.Group(missing.AsQueryable(), KeyOf<UsageRow>(groupBy), OfRow));
            },
            cancellationToken);
        return new(parts.GroupBy(part => part.Key, UsageAmounts.Sum), isWhole);
    }

    // Whole days from the daily rollup, whole hours at the edges from the hourly one, and rows where the range begins or ends inside an hour.
    private static async Task<List<UsageAmounts>> StoredAsync(PlatformDb db, UsageFilter filter, string groupBy, CancellationToken cancellationToken)
    {
        var sums = new List<UsageAmounts>();
        var days = WholeUnits.Days(filter.Start, filter.End);
        if (days.HasUnits)
        {
            var (first, last) = (days.First, days.Last);
            var rollups = filter.Apply(db.UsageDays.AsNoTracking()).Where(day => (first == null || day.Day >= first) && (last == null || day.Day < last));
            sums.AddRange(await UsageAmounts.Group(rollups, KeyOf<UsageDay>(groupBy), UsageAmounts.OfSums).ToListAsync(cancellationToken));
        }

        foreach (var edge in days.Edges)
        {
            var hours = WholeUnits.Hours(edge.Start, edge.End);
            if (hours.HasUnits)
            {
                var (first, last) = (hours.First, hours.Last);
                var rollups = filter.Apply(db.UsageHours.AsNoTracking()).Where(hour => hour.Hour >= first && hour.Hour < last);
                sums.AddRange(await UsageAmounts.Group(rollups, KeyOf<UsageHour>(groupBy), UsageAmounts.OfSums).ToListAsync(cancellationToken));
            }

            foreach (var (start, end) in hours.Edges)
            {
                var rows = filter.Apply(db.UsageRows.AsNoTracking()).Between(start, end);
                sums.AddRange(await UsageAmounts.Group(rows, KeyOf<UsageRow>(groupBy), OfRow).ToListAsync(cancellationToken));
            }
        }

        return sums;
    }

    private async Task<(List<UsageRow> Rows, bool IsWhole)> PendingAsync(UsageFilter filter, bool ifWhole, CancellationToken cancellationToken)
    {
        var scope = new WaitingScope(filter.OneTenant, filter.Sight.PartnerId ?? filter.Asked.PartnerId);
        var pending = await waiting.ReadAsync(
            scope, row => filter.Covers(row) && !(row.CreatedAt < filter.Start) && !(row.CreatedAt >= filter.End), ifWhole, cancellationToken);
        return (pending.Calls.ConvertAll(call => call.Row), pending.IsWhole);
    }

    private static Expression<Func<T, string>> KeyOf<T>(string groupBy)
        where T : class, IUsageDimensions => groupBy switch
        {
            "user" => row => row.UserId,
            "backend" => row => row.BackendId,
            "tenant" => row => row.TenantId,
            _ => row => row.Model,
        };
}

/// <summary>The usage of a scope.</summary>
/// <param name="Cost">In nano-units.</param>
/// <param name="Tokens">Input and output tokens.</param>
/// <param name="Requests">Number of calls.</param>
internal readonly record struct UsageTotal(long Cost, long Tokens, long Requests)
{
    public static UsageTotal operator +(UsageTotal left, UsageTotal right) =>
        new(Money.Add(left.Cost, right.Cost), left.Tokens + right.Tokens, left.Requests + right.Requests);
}
