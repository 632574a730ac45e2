using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Budgets;

/// <summary>
/// Keeps a budget's use in Redis consistent with the database: creates it if it is missing, and corrects it from time to time. Redis counts the
/// settled calls of the last hour per minute; earlier use is taken from the database's sums.
/// </summary>
internal sealed partial class BudgetLedger(
    IDbContextFactory<PlatformDb> databases, UsageSummary summary, GroupUsage groups, IConnectionMultiplexer redis, TimeProvider time, ILogger<BudgetLedger> logger) : IBudgetLedger
{
    /// <summary>The time after which a call is certainly in the database.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromMinutes(10);

    /// <summary>Longer than a replica takes to notice that a budget was deleted.</summary>
    private static readonly TimeSpan KeptDeleted = TimeSpan.FromMinutes(1);

    /// <summary>The usage record of a call is followed by its settlement within milliseconds: a settlement missing after this time was lost.</summary>
    private static readonly TimeSpan OnItsWay = TimeSpan.FromSeconds(15);

    /// <summary>The time for which calls do not ask again for a use that could not be determined, because not all calls can be read.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly LogGate<bool> _partLog = new(time);

    // Of concurrent calls under an unknown budget, one queries the database, and the others wait for the result, even if that caller disconnects.
    private readonly ConcurrentDictionary<string, Lazy<Task<bool>>> _seeding = new();

    public async Task<bool> SeedAsync(IReadOnlyList<BudgetRule> budgets, CancellationToken cancellationToken)
    {
        var seeding = budgets.Select(budget => _seeding.GetOrAdd(budget.Id, _ => new Lazy<Task<bool>>(() => SeedAsync(budget))).Value);
        return (await Task.WhenAll(seeding).WaitAsync(cancellationToken)).All(isSeeded => isSeeded);
    }

    /// <summary>Recomputes a budget's use. If not all of its calls can be read, a known use is left as it is.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="calendar">Its periods.</param>
    /// <param name="force">Whether its periods have changed, so that the state in Redis is of another period.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    /// <returns>Whether Redis knows the use now.</returns>
    public async Task<bool> ReconcileAsync(Budget budget, BudgetCalendar calendar, bool force, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var period = calendar.PeriodAt(now);
        var settledUntil = WholeUnits.MinuteOf(now - OnItsWay);
        var lost = await LostAsync(budget, settledUntil, cancellationToken);
        var cutoff = WholeUnits.HourOf(now - Settled);
        cutoff = cutoff < period.Start ? period.Start : cutoff;
        var before = cutoff > period.Start ? await TotalAsync(budget, StartOf(period), cutoff, cancellationToken) : new Summed<UsageTotal>(default, IsWhole: true);
        var since = budget.Group() is { } group
            ? await groups.MinutesAsync(group, cutoff, cancellationToken)
            : await summary.MinutesAsync(budget.Usage(), cutoff, cancellationToken);
        var isWhole = before.IsWhole && since.IsWhole;
        var part = isWhole ? 0 : budget.HardAction == BudgetActions.Block ? 2 : 1;
        RedisValue[] values =
        [
            period.StartMinute, force ? 1 : 0, BudgetPeriod.MinuteOf(cutoff), before.Value.Cost, before.Value.Tokens, before.Value.Requests, BudgetPeriod.MinuteOf(now),
            BudgetPeriod.MinuteOf(settledUntil), calendar.Name, part,
            .. since.Value.SelectMany(minute => new RedisValue[] { BudgetPeriod.MinuteOf(minute.Start), minute.Total.Cost, minute.Total.Tokens, minute.Total.Requests }),
        ];
        var isKnown = (int)await redis.GetDatabase().ScriptEvaluateAsync(AdmissionScripts.Reconcile, [Key(budget)], values) >= 0;
        if (!isWhole)
        {
            if (_partLog.MayPass(isKnown, out var count))
            {
                UsePartlyKnown(count, budget.Id);
            }

            return isKnown;
        }

        // They are counted now. Released afterwards, because a budget must never be exceeded: for a moment such a call is both reserved and counted.
        foreach (var (owner, reservation) in lost)
        {
            if (await reservation.ReleaseAsync(redis.GetDatabase(), owner))
            {
                SettlementLost(reservation.Ticket, owner);
            }
        }

        return isKnown;
    }

    /// <summary>The state in Redis; null if Redis does not know the budget.</summary>
    public async Task<BudgetState?> StateAsync(Budget budget, BudgetCalendar calendar)
    {
        var period = calendar.PeriodAt(time.GetUtcNow());
        var values = await redis.GetDatabase().HashGetAsync(Key(budget), ["p", "c", "t", "n", "rc", "rt", "rn", "x", "m", "k"]);
        if (values[0].IsNull)
        {
            return null;
        }

        var isCurrent = (long)values[0] >= period.StartMinute;
        var used = isCurrent ? new UsageTotal((long)values[1], (long)values[2], (long)values[3]) : default;
        var reserved = new UsageTotal((long)values[4], (long)values[5], (long)values[6]);
        return new BudgetState(period, used, reserved)
        {
            IsExhausted = !values[7].IsNull && (long)values[7] == period.StartMinute,
            ReconciledAt = (long)values[8],
            IsWhole = (long)values[8] > 0,
            IsOfOtherCalendar = !values[9].IsNull && values[9] != calendar.Name,
        };
    }

    /// <summary>The state for display: from Redis, or from the database while Redis is unavailable.</summary>
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
        catch (Exception exception) when (RedisAway.Is(exception, cancellationToken))
        {
            SeedFailed(exception.Message);
        }

        var period = calendar.PeriodAt(time.GetUtcNow());
        var used = await TotalAsync(budget, StartOf(period), end: null, cancellationToken);
        return new BudgetState(period, used.Value, default) { IsWhole = used.IsWhole };
    }

    /// <summary>Call after a change of a budget: calls that were refused may fit now.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="isOther">Whether its periods are different, or it blocks now: a use that was computed from a part of the calls no longer does.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    public async Task ChangedAsync(Budget budget, bool isOther, CancellationToken cancellationToken)
    {
        try
        {
            await redis.GetDatabase().HashDeleteAsync(Key(budget), "x");
            if (isOther)
            {
                await using var db = await databases.CreateDbContextAsync(cancellationToken);
                var zones = await ZonesAsync(db, [budget], cancellationToken);
                await ReconcileAsync(budget, budget.Calendar(zones), force: true, cancellationToken);
            }
        }
        catch (Exception exception) when (RedisAway.Is(exception, cancellationToken))
        {
            // The worker corrects it in its next round.
            SeedFailed(exception.Message);
        }
    }

    /// <summary>
    /// Expires a deleted budget once no replica can have it in its snapshot: calls under a blocking budget whose use is unknown would be refused.
    /// </summary>
    public async Task ForgetAsync(Budget budget)
    {
        try
        {
            await redis.GetDatabase().KeyExpireAsync(Key(budget), KeptDeleted);
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // The key expires by itself.
            SeedFailed(exception.Message);
        }
    }

    /// <summary>The time zone of each budget's periods: its tenant's, or UTC for a partner's.</summary>
    public static async Task<IReadOnlyDictionary<string, TimeZoneInfo>> ZonesAsync(PlatformDb db, IEnumerable<Budget> budgets, CancellationToken cancellationToken)
    {
        var tenants = budgets.Select(budget => budget.TenantId).OfType<string>().Distinct().ToArray();
        return await db.Tenants.AsNoTracking().Where(tenant => tenants.Contains(tenant.Id)).ToDictionaryAsync(tenant => tenant.Id, TenantTimeZone.Of, cancellationToken);
    }

    private async Task<bool> SeedAsync(BudgetRule rule)
    {
        var pause = TimeSpan.Zero;
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

            if (!await ReconcileAsync(budget, rule.Calendar, force: false, CancellationToken.None))
            {
                pause = Pause;
                return false;
            }

            BudgetSeeded(rule.Id);
            return true;
        }
        catch (Exception exception) when (DatabaseAway.Is(exception) || RedisAway.Is(exception))
        {
            SeedFailed(exception.Message);
            return false;
        }
        finally
        {
            _ = ForgetResultAsync(rule.Id, pause);
        }
    }

    private async Task ForgetResultAsync(string budgetId, TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time);
        }

        _seeding.TryRemove(budgetId, out _);
    }

    /// <summary>Finds a budget's reservations of calls that were recorded before a time and are still not settled, each with the owner of its key.</summary>
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
                var recorded = await summary.RecordedAsync(tenantId, budget.PartnerId, open.Select(reservation => reservation.Ticket).ToHashSet(), before, cancellationToken);
                lost.AddRange(open.Where(reservation => recorded.Contains(reservation.Ticket)).Select(reservation => (owner, reservation)));
            }
        }

        return lost;
    }

    /// <summary>
    /// The owners under which a budget's reservations may be noted. For a partner's budget these are its tenants, whose calls are noted together
    /// with their own; on a cluster, and for a tenant without limits of its own, it is the partner.
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

    private Task<Summed<UsageTotal>> TotalAsync(Budget budget, DateTimeOffset? start, DateTimeOffset? end, CancellationToken cancellationToken) =>
        budget.Group() is { } group
            ? groups.TotalAsync(group, start, end, cancellationToken)
            : summary.TotalAsync(UsageFilter.All(budget.Usage(), start, end), cancellationToken);

    private static DateTimeOffset? StartOf(BudgetPeriod period) => period.End is null ? null : period.Start;

    private static RedisKey Key(Budget budget) => AdmissionKeys.Budget(budget.Owner, budget.Id);

    [LoggerMessage(Level = LogLevel.Information, Message = "The use of budget {BudgetId} was not in Redis; it was restored from the database.")]
    private partial void BudgetSeeded(string budgetId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settlement of {UsageId} in {Owner} was lost in Redis; the call is counted from the database.")]
    private partial void SettlementLost(string usageId, string owner);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Count} comparisons of budgets with the database were put off, the last of {BudgetId}: too many calls wait in Redis, or it does not answer.")]
    private partial void UsePartlyKnown(int count, string budgetId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The use of a budget cannot be determined: {Reason}")]
    private partial void SeedFailed(string reason);
}

/// <param name="Period">The current period.</param>
/// <param name="Used">The use by settled calls.</param>
/// <param name="Reserved">The reservations of running calls.</param>
internal sealed record BudgetState(BudgetPeriod Period, UsageTotal Used, UsageTotal Reserved)
{
    /// <summary>Whether a call was refused in this period because too little was left, not because of its own size (the script's <c>reason</c>).</summary>
    public bool IsExhausted { get; init; }

    /// <summary>The minute since 1970 of the last comparison with the database; 0 if there was none.</summary>
    public long ReconciledAt { get; init; }

    /// <summary>False if the use was computed from a part of the calls.</summary>
    public required bool IsWhole { get; init; }

    /// <summary>Whether the budget's periods have changed since: those of Redis's state are other ones.</summary>
    public bool IsOfOtherCalendar { get; init; }

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
