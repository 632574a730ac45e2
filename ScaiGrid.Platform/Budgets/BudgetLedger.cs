using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Budgets;

/// <summary>
/// Keeps what Redis knows of a budget's use equal to what the database knows: makes it when it is not there, and mends it from time to
/// time. Until an hour has passed, settled calls are counted by the minute in Redis; what came before is taken from the database's sums.
/// </summary>
internal sealed partial class BudgetLedger(
    IDbContextFactory<PlatformDb> databases, UsageSummary summary, GroupUsage groups, IConnectionMultiplexer redis, TimeProvider time, ILogger<BudgetLedger> logger) : IBudgetLedger
{
    /// <summary>A call is in the database long before.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromMinutes(10);

    /// <summary>Longer than a replica takes to see that a budget is gone.</summary>
    private static readonly TimeSpan KeptDeleted = TimeSpan.FromMinutes(1);

    /// <summary>Between a call's usage record and its settlement are milliseconds: one that is not settled by then was lost.</summary>
    private static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(15);

    // Of all calls that come before a budget's use is known, one asks the database; the others wait for its answer, also when its caller leaves.
    private readonly ConcurrentDictionary<string, Lazy<Task<bool>>> _seeding = new();

    public async Task<bool> SeedAsync(IReadOnlyList<BudgetRule> budgets, CancellationToken cancellationToken)
    {
        var seeding = budgets.Select(budget => _seeding.GetOrAdd(budget.Id, _ => new Lazy<Task<bool>>(() => SeedAsync(budget))).Value);
        return (await Task.WhenAll(seeding).WaitAsync(cancellationToken)).All(isSeeded => isSeeded);
    }

    /// <param name="budget">The budget.</param>
    /// <param name="calendar">Its periods.</param>
    /// <param name="force">Its periods have changed: what Redis has is of another.</param>
    /// <param name="cancellationToken">To end early.</param>
    public async Task ReconcileAsync(Budget budget, BudgetCalendar calendar, bool force, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var period = calendar.PeriodAt(now);
        var settledUntil = WholeUnits.MinuteOf(now - OnItsWay);
        var lost = await LostAsync(budget, settledUntil, cancellationToken);
        var cutoff = WholeUnits.HourOf(now - Settled);
        cutoff = cutoff < period.Start ? period.Start : cutoff;
        var before = cutoff > period.Start ? await TotalAsync(budget, StartOf(period), cutoff, cancellationToken) : default;
        var since = budget.Group() is { } group
            ? await groups.MinutesAsync(group, cutoff, cancellationToken)
            : await summary.MinutesAsync(budget.Usage(), cutoff, cancellationToken);
        RedisValue[] values =
        [
            period.StartMinute, force ? 1 : 0, BudgetPeriod.MinuteOf(cutoff), before.Cost, before.Tokens, before.Requests, BudgetPeriod.MinuteOf(now),
            BudgetPeriod.MinuteOf(settledUntil),
            .. since.SelectMany(minute => new RedisValue[] { BudgetPeriod.MinuteOf(minute.Start), minute.Total.Cost, minute.Total.Tokens, minute.Total.Requests }),
        ];
        await redis.GetDatabase().ScriptEvaluateAsync(AdmissionScripts.Reconcile, [Key(budget)], values);

        // Counted now. In this order, since a budget is never exceeded: for a moment such a call is held back and counted.
        foreach (var (owner, reservation) in lost)
        {
            if (await reservation.ReleaseAsync(redis.GetDatabase(), owner))
            {
                SettlementLost(reservation.Ticket, owner);
            }
        }
    }

    /// <summary>What Redis knows; null where it knows nothing of the budget.</summary>
    public async Task<BudgetState?> StateAsync(Budget budget, BudgetCalendar calendar)
    {
        var period = calendar.PeriodAt(time.GetUtcNow());
        var values = await redis.GetDatabase().HashGetAsync(Key(budget), ["p", "c", "t", "n", "rc", "rt", "rn", "x", "m"]);
        if (values[0].IsNull)
        {
            return null;
        }

        var isCurrent = (long)values[0] >= period.StartMinute;
        var used = isCurrent ? new UsageTotal((long)values[1], (long)values[2], (long)values[3]) : default;
        var reserved = new UsageTotal((long)values[4], (long)values[5], (long)values[6]);
        return new BudgetState(period, used, reserved, IsExhausted: !values[7].IsNull && (long)values[7] == period.StartMinute, ReconciledAt: (long)values[8], KnownStart: (long)values[0]);
    }

    /// <summary>What there is to show: from Redis, and straight from the database while Redis is away.</summary>
    public async Task<BudgetState> LookAsync(Budget budget, BudgetCalendar calendar, CancellationToken cancellationToken)
    {
        try
        {
            if (await StateAsync(budget, calendar) is { } known)
            {
                return known;
            }

            await ReconcileAsync(budget, calendar, force: false, cancellationToken);
            if (await StateAsync(budget, calendar) is { } made)
            {
                return made;
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            SeedFailed(exception.Message);
        }

        var period = calendar.PeriodAt(time.GetUtcNow());
        var used = await TotalAsync(budget, StartOf(period), end: null, cancellationToken);
        return new BudgetState(period, used, default, IsExhausted: false, ReconciledAt: 0, KnownStart: period.StartMinute);
    }

    /// <summary>A budget was changed: what was refused before may fit now, and its periods may be others.</summary>
    public async Task ChangedAsync(Budget budget, bool hasOtherPeriods, CancellationToken cancellationToken)
    {
        try
        {
            await redis.GetDatabase().HashDeleteAsync(Key(budget), "x");
            if (hasOtherPeriods)
            {
                await using var db = await databases.CreateDbContextAsync(cancellationToken);
                var zones = await ZonesAsync(db, [budget], cancellationToken);
                await ReconcileAsync(budget, new BudgetCalendar(budget.Period, zones.GetValueOrDefault(budget.Owner, TimeZoneInfo.Utc)), force: true, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // The worker's next look mends it.
            SeedFailed(exception.Message);
        }
    }

    /// <summary>Forgets a budget that was deleted, once no replica can have a snapshot with it: without its use, calls under a budget that blocks are refused.</summary>
    public async Task ForgetAsync(Budget budget)
    {
        try
        {
            await redis.GetDatabase().KeyExpireAsync(Key(budget), KeptDeleted);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // It ends by itself.
            SeedFailed(exception.Message);
        }
    }

    /// <summary>The time zone of each budget's periods: its tenant's, and UTC for partners.</summary>
    public static async Task<IReadOnlyDictionary<string, TimeZoneInfo>> ZonesAsync(PlatformDb db, IEnumerable<Budget> budgets, CancellationToken cancellationToken)
    {
        var tenants = budgets.Select(budget => budget.TenantId).OfType<string>().Distinct().ToArray();
        return await db.Tenants.AsNoTracking().Where(tenant => tenants.Contains(tenant.Id)).ToDictionaryAsync(tenant => tenant.Id, TenantTimeZone.Of, cancellationToken);
    }

    private async Task<bool> SeedAsync(BudgetRule rule)
    {
        try
        {
            if (await redis.GetDatabase().HashExistsAsync(AdmissionKeys.Budget(rule.Owner, rule.Id), "p"))
            {
                return true;
            }

            await using var db = await databases.CreateDbContextAsync(CancellationToken.None);
            if (await db.Budgets.AsNoTracking().SingleOrDefaultAsync(budget => budget.Id == rule.Id) is not { } budget)
            {
                return false;
            }

            await ReconcileAsync(budget, rule.Calendar, force: false, CancellationToken.None);
            BudgetSeeded(rule.Id);
            return true;
        }
        catch (Exception exception) when (DatabaseAway.Is(exception) || exception is RedisException or TimeoutException)
        {
            SeedFailed(exception.Message);
            return false;
        }
        finally
        {
            _seeding.TryRemove(rule.Id, out _);
        }
    }

    /// <summary>A budget's reservations of calls that were recorded before a moment, and still not settled; each with the owner under whom it is noted.</summary>
    private async Task<IReadOnlyList<(string Owner, OpenReservation Reservation)>> LostAsync(Budget budget, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var key = AdmissionKeys.Budget(budget.Owner, budget.Id);
        var lost = new List<(string, OpenReservation)>();
        foreach (var owner in await OwnersAsync(budget, cancellationToken))
        {
            var open = (await OpenReservation.ReadAsync(redis.GetDatabase(), owner)).Where(reservation => reservation.Budgets.Contains(key)).ToList();
            if (open.Count > 0)
            {
                var tenantId = owner == budget.PartnerId ? null : owner;
                var recorded = await summary.RecordedAsync(tenantId, open.Select(reservation => reservation.Ticket).ToHashSet(), before, cancellationToken);
                lost.AddRange(open.Where(reservation => recorded.Contains(reservation.Ticket)).Select(reservation => (owner, reservation)));
            }
        }

        return lost;
    }

    /// <summary>
    /// Under whom a budget's reservations are noted. Those in a partner's budget are the tenant's, with its own; on a cluster, and of a tenant
    /// that has no limits itself, they are the partner's.
    /// </summary>
    private async Task<IReadOnlyList<string>> OwnersAsync(Budget budget, CancellationToken cancellationToken)
    {
        if (budget.TenantId is { } tenantId)
        {
            return [tenantId];
        }

        var owners = Array.ConvertAll(await redis.GetDatabase().SetMembersAsync(AdmissionKeys.Owners), owner => (string)owner!);
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var tenants = await db.Tenants.Where(tenant => tenant.PartnerId == budget.PartnerId).Select(tenant => tenant.Id).ToListAsync(cancellationToken);
        return [budget.PartnerId, .. owners.Intersect(tenants)];
    }

    private Task<UsageTotal> TotalAsync(Budget budget, DateTimeOffset? start, DateTimeOffset? end, CancellationToken cancellationToken) =>
        budget.Group() is { } group
            ? groups.TotalAsync(group, start, end, cancellationToken)
            : summary.TotalAsync(UsageFilter.All(budget.Usage(), start, end), cancellationToken);

    private static DateTimeOffset? StartOf(BudgetPeriod period) => period.End is null ? null : period.Start;

    private static RedisKey Key(Budget budget) => AdmissionKeys.Budget(budget.Owner, budget.Id);

    [LoggerMessage(Level = LogLevel.Information, Message = "The use of budget {BudgetId} was not in Redis; it is made from the database.")]
    private partial void BudgetSeeded(string budgetId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settlement of {UsageId} in {Owner} was lost in Redis; the call counts as the database has it.")]
    private partial void SettlementLost(string usageId, string owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The use of a budget cannot be told: {Reason}")]
    private partial void SeedFailed(string reason);
}

/// <param name="Period">The present period.</param>
/// <param name="Used">By calls that are settled.</param>
/// <param name="Reserved">By calls that run.</param>
/// <param name="IsExhausted">A call was refused in this period for which too little was left, by the script's <c>reason</c>: not for its own size.</param>
/// <param name="ReconciledAt">Minute since 1970 at which it was last compared with the database.</param>
/// <param name="KnownStart">Minute since 1970 at which the period begins that Redis knows; another where periods were changed.</param>
internal sealed record BudgetState(BudgetPeriod Period, UsageTotal Used, UsageTotal Reserved, bool IsExhausted, long ReconciledAt, long KnownStart)
{
    /// <summary>ok, soft or blocked.</summary>
    public string Word(Budget budget) =>
        IsExhausted || Reaches(budget.CostLimit, Used.Cost, 1) || Reaches(budget.TokenLimit, Used.Tokens, 1) || Reaches(budget.RequestLimit, Used.Requests, 1) ? "blocked"
        : IsSoft(budget) ? "soft"
        : "ok";

    private bool IsSoft(Budget budget)
    {
        var share = budget.SoftLimitMillionths / 1_000_000m;
        return Reaches(budget.CostLimit, Used.Cost, share) || Reaches(budget.TokenLimit, Used.Tokens, share) || Reaches(budget.RequestLimit, Used.Requests, share);
    }

    private static bool Reaches(long? limit, long used, decimal share) => limit is { } most && used > 0 && used >= most * share;
}
