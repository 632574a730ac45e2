using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Sums usage from the hourly rollups, from rows where a range begins or ends inside an hour, and from the records that wait in Redis.
/// </summary>
/// <remarks>
/// Each call counts once: the waiting records are read first, and those that the database has by then (flushed meanwhile, or not yet
/// removed) are left out in the same moment in which the sums are read.
/// </remarks>
internal sealed partial class UsageSummary(IDbContextFactory<PlatformDb> databases, UsageBuffer buffer, ILogger<UsageSummary> logger)
{
    /// <summary>Waiting records that one summary reads; more wait only where no worker has run for long.</summary>
    private const int MaxPending = 50_000;

    private const int LookupBatch = 1000;

    private static readonly Expression<Func<UsageHour, Sum>> OfHour = hour => new Sum
    {
        Key = "",
        Requests = hour.RequestCount,
        Input = hour.InputTokens,
        Output = hour.OutputTokens,
        Cost = hour.Cost,
        BackendCost = hour.BackendCost,
    };

    private static readonly Expression<Func<UsageRow, Sum>> OfRow = row => new Sum
    {
        Key = "",
        Requests = 1,
        Input = row.TokensIn,
        Output = row.TokensOut,
        Cost = row.Cost,
        BackendCost = row.BackendCost,
    };

    public async Task<IReadOnlyList<UsageSum>> SumAsync(UsageFilter filter, string groupBy, int limit, CancellationToken cancellationToken)
    {
        var pending = await PendingAsync(filter, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await StoredAsync(db, filter, groupBy, token);
                var waiting = await MissingAsync(db, pending, token);
                return stored.Concat(Grouped(waiting.AsQueryable(), groupBy, OfRow));
            },
            cancellationToken);
        return
        [
            .. parts.GroupBy(part => part.Key, (key, sums) => sums.Aggregate(new Sum { Key = key }, (total, sum) => total + sum))
                .OrderByDescending(sum => sum.Cost).ThenBy(sum => sum.Key, StringComparer.Ordinal)
                .Take(limit)
                .Select(sum => new UsageSum(
                    sum.Key, sum.Requests, sum.Input, sum.Output, sum.Input + sum.Output, Money.Format(sum.Cost), Money.Format(sum.BackendCost))),
        ];
    }

    private static async Task<List<Sum>> StoredAsync(PlatformDb db, UsageFilter filter, string groupBy, CancellationToken cancellationToken)
    {
        var range = HourRange.Of(filter.Start, filter.End);
        var sums = new List<Sum>();
        if (range.HasHours)
        {
            var (first, last) = (range.FirstHour, range.LastHour);
            var hours = filter.Apply(db.UsageHours.AsNoTracking())
                .Where(hour => (first == null || hour.Hour >= first) && (last == null || hour.Hour < last));
            sums.AddRange(await Grouped(hours, groupBy, OfHour).ToListAsync(cancellationToken));
        }

        foreach (var (start, end) in range.Edges)
        {
            var rows = filter.Apply(db.UsageRows.AsNoTracking()).Between(start, end);
            sums.AddRange(await Grouped(rows, groupBy, OfRow).ToListAsync(cancellationToken));
        }

        return sums;
    }

    private static async Task<List<UsageRow>> MissingAsync(PlatformDb db, List<UsageRow> pending, CancellationToken cancellationToken)
    {
        var missing = new List<UsageRow>(pending.Count);
        foreach (var batch in pending.Chunk(LookupBatch))
        {
            var stored = await UsageStore.StoredIdsAsync(db, batch, cancellationToken);
            missing.AddRange(batch.Where(row => !stored.Contains(row.Id)));
        }

        return missing;
    }

    private async Task<List<UsageRow>> PendingAsync(UsageFilter filter, CancellationToken cancellationToken)
    {
        var pending = new List<UsageRow>();
        try
        {
            var tenants = filter.OneTenant is { } tenant ? [tenant] : await buffer.TenantsAsync();
            foreach (var tenantId in tenants)
            {
                var batch = await buffer.PendingAsync(tenantId, MaxPending - pending.Count, cancellationToken);
                var rows = batch.Records.Where(UsageStore.IsStorable).Select(UsageStore.ToRow).AsQueryable();
                pending.AddRange(filter.Apply(rows).Where(row => !(row.CreatedAt < filter.Start) && !(row.CreatedAt >= filter.End)));
                if (pending.Count >= MaxPending)
                {
                    break;
                }
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException or AggregateException { InnerException: RedisException or TimeoutException })
        {
            // The client wraps what happens inside a scan. What is stored is worth more than no answer.
            PendingUsageUnknown(exception.Message);
        }

        return pending;
    }

    private static IQueryable<Sum> Grouped<T>(IQueryable<T> usage, string groupBy, Expression<Func<T, Sum>> amounts)
        where T : class, IUsageDimensions =>
        usage.GroupBy(KeyOf<T>(groupBy), amounts).Select(group => new Sum
        {
            Key = group.Key,
            Requests = group.Sum(sum => sum.Requests),
            Input = group.Sum(sum => sum.Input),
            Output = group.Sum(sum => sum.Output),
            Cost = group.Sum(sum => sum.Cost),
            BackendCost = group.Sum(sum => sum.BackendCost),
        });

    private static Expression<Func<T, string>> KeyOf<T>(string groupBy)
        where T : class, IUsageDimensions => groupBy switch
        {
            "user" => row => row.UserId,
            "backend" => row => row.BackendId,
            "tenant" => row => row.TenantId,
            _ => row => row.Model,
        };

    [LoggerMessage(Level = LogLevel.Warning, Message = "A usage summary lacks what waits in Redis. {Reason}")]
    private partial void PendingUsageUnknown(string reason);

    private sealed class Sum
    {
        public required string Key { get; init; }

        public long Requests { get; init; }

        public long Input { get; init; }

        public long Output { get; init; }

        public long Cost { get; init; }

        public long BackendCost { get; init; }

        public static Sum operator +(Sum left, Sum right) => new()
        {
            Key = left.Key,
            Requests = left.Requests + right.Requests,
            Input = left.Input + right.Input,
            Output = left.Output + right.Output,
            Cost = left.Cost + right.Cost,
            BackendCost = left.BackendCost + right.BackendCost,
        };
    }
}
