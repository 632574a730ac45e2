using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Sums usage from the daily and hourly rollups, from rows where a range begins or ends inside an hour, and from the records that wait in Redis.
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

    private static readonly Expression<Func<UsageRollup, Sum>> OfRollup = rollup => new Sum
    {
        Key = "",
        Requests = rollup.RequestCount,
        Input = rollup.InputTokens,
        Output = rollup.OutputTokens,
        CostUnits = rollup.Cost / Money.NanosPerUnit,
        CostRest = rollup.Cost % Money.NanosPerUnit,
        BackendUnits = rollup.BackendCost / Money.NanosPerUnit,
        BackendRest = rollup.BackendCost % Money.NanosPerUnit,
    };

    private static readonly Expression<Func<UsageRow, Sum>> OfRow = row => new Sum
    {
        Key = "",
        Requests = 1,
        Input = row.TokensIn,
        Output = row.TokensOut,
        CostUnits = row.Cost / Money.NanosPerUnit,
        CostRest = row.Cost % Money.NanosPerUnit,
        BackendUnits = row.BackendCost / Money.NanosPerUnit,
        BackendRest = row.BackendCost % Money.NanosPerUnit,
    };

    public async Task<IReadOnlyList<UsageSum>> SumAsync(UsageFilter filter, string groupBy, int limit, CancellationToken cancellationToken) =>
    [
        .. (await TotalsAsync(filter, groupBy, cancellationToken))
            .OrderByDescending(sum => sum.Cost).ThenBy(sum => sum.Key, StringComparer.Ordinal)
            .Take(limit)
            .Select(sum => new UsageSum(
                sum.Key, sum.Requests, sum.Input, sum.Output, sum.Input + sum.Output, Money.Format(sum.Cost), Money.Format(sum.BackendCost))),
    ];

    /// <summary>All that the filter lets through, as one sum. The cost ends at the largest number that there is.</summary>
    public async Task<UsageTotal> TotalAsync(UsageFilter filter, CancellationToken cancellationToken)
    {
        var sums = await TotalsAsync(filter, "tenant", cancellationToken);
        var total = sums.Aggregate(new Sum { Key = "" }, (all, sum) => all + sum);
        return new UsageTotal((long)Int128.Min(total.Cost, long.MaxValue), total.Input + total.Output, total.Requests);
    }

    /// <summary>The calls of a scope since a moment, by the minute.</summary>
    public async Task<IReadOnlyList<(DateTimeOffset Start, UsageTotal Total)>> MinutesAsync(UsageScope scope, DateTimeOffset start, CancellationToken cancellationToken)
    {
        var filter = UsageFilter.All(scope, start, end: null);
        var pending = await PendingAsync(filter, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await UsageMinutes.SumAsync(db, scope, start, token);
                return stored.Concat((await MissingAsync(db, pending, token)).Select(UsageMinutes.Of));
            },
            cancellationToken);
        return
        [
            .. parts.GroupBy(part => part.Start).Select(minute => (minute.Key, minute.Aggregate(default(UsageTotal), (sum, part) => sum + part.Total))),
        ];
    }

    private async Task<IEnumerable<Sum>> TotalsAsync(UsageFilter filter, string groupBy, CancellationToken cancellationToken)
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
        return parts.GroupBy(part => part.Key, (key, sums) => sums.Aggregate(new Sum { Key = key }, (total, sum) => total + sum));
    }

    // Whole days from their rollup, whole hours at their edges from theirs, and from rows where the range begins or ends inside an hour.
    private static async Task<List<Sum>> StoredAsync(PlatformDb db, UsageFilter filter, string groupBy, CancellationToken cancellationToken)
    {
        var sums = new List<Sum>();
        var days = WholeUnits.Days(filter.Start, filter.End);
        if (days.HasUnits)
        {
            var (first, last) = (days.First, days.Last);
            var rollups = filter.Apply(db.UsageDays.AsNoTracking()).Where(day => (first == null || day.Day >= first) && (last == null || day.Day < last));
            sums.AddRange(await Grouped(rollups, groupBy, OfRollup).ToListAsync(cancellationToken));
        }

        foreach (var edge in days.Edges)
        {
            var hours = WholeUnits.Hours(edge.Start, edge.End);
            if (hours.HasUnits)
            {
                var (first, last) = (hours.First, hours.Last);
                var rollups = filter.Apply(db.UsageHours.AsNoTracking()).Where(hour => hour.Hour >= first && hour.Hour < last);
                sums.AddRange(await Grouped(rollups, groupBy, OfRollup).ToListAsync(cancellationToken));
            }

            foreach (var (start, end) in hours.Edges)
            {
                var rows = filter.Apply(db.UsageRows.AsNoTracking()).Between(start, end);
                sums.AddRange(await Grouped(rows, groupBy, OfRow).ToListAsync(cancellationToken));
            }
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

    private static IQueryable<Sum> Grouped<T, TAmounts>(IQueryable<T> usage, string groupBy, Expression<Func<TAmounts, Sum>> amounts)
        where T : class, TAmounts, IUsageDimensions =>
        usage.GroupBy(KeyOf<T>(groupBy), For<T, TAmounts>(amounts)).Select(group => new Sum
        {
            Key = group.Key,
            Requests = group.Sum(sum => sum.Requests),
            Input = group.Sum(sum => sum.Input),
            Output = group.Sum(sum => sum.Output),
            CostUnits = group.Sum(sum => sum.CostUnits),
            CostRest = group.Sum(sum => sum.CostRest),
            BackendUnits = group.Sum(sum => sum.BackendUnits),
            BackendRest = group.Sum(sum => sum.BackendRest),
        });

    private static Expression<Func<T, Sum>> For<T, TAmounts>(Expression<Func<TAmounts, Sum>> amounts)
        where T : TAmounts
    {
        var row = Expression.Parameter(typeof(T), "row");
        return Expression.Lambda<Func<T, Sum>>(new Replacement(amounts.Parameters[0], row).Visit(amounts.Body), row);
    }

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

    private sealed class Replacement(Expression replaced, Expression by) : ExpressionVisitor
    {
        protected override Expression VisitParameter(ParameterExpression node) => node == replaced ? by : node;

        // A member of the base class, as the member of the class itself that the model knows.
        protected override Expression VisitMember(MemberExpression node) =>
            node.Expression == replaced ? Expression.Property(by, node.Member.Name) : base.VisitMember(node);
    }

    // Costs are summed as units and rest: their sum may need more than the 64 bits that databases sum in.
    private sealed class Sum
    {
        public required string Key { get; init; }

        public long Requests { get; init; }

        public long Input { get; init; }

        public long Output { get; init; }

        public long CostUnits { get; init; }

        public long CostRest { get; init; }

        public long BackendUnits { get; init; }

        public long BackendRest { get; init; }

        public Int128 Cost => ((Int128)CostUnits * Money.NanosPerUnit) + CostRest;

        public Int128 BackendCost => ((Int128)BackendUnits * Money.NanosPerUnit) + BackendRest;

        public static Sum operator +(Sum left, Sum right) => new()
        {
            Key = left.Key,
            Requests = left.Requests + right.Requests,
            Input = left.Input + right.Input,
            Output = left.Output + right.Output,
            CostUnits = left.CostUnits + right.CostUnits,
            CostRest = left.CostRest + right.CostRest,
            BackendUnits = left.BackendUnits + right.BackendUnits,
            BackendRest = left.BackendRest + right.BackendRest,
        };
    }
}

/// <summary>Usage of a scope.</summary>
/// <param name="Cost">Nano-units.</param>
/// <param name="Tokens">In and out.</param>
/// <param name="Requests">Calls.</param>
internal readonly record struct UsageTotal(long Cost, long Tokens, long Requests)
{
    public static UsageTotal operator +(UsageTotal left, UsageTotal right) =>
        new(Money.Add(left.Cost, right.Cost), left.Tokens + right.Tokens, left.Requests + right.Requests);
}
