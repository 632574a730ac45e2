using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Sums the usage of groups: from hours, from minutes where a range begins or ends inside an hour, and from the records still waiting in Redis.
/// </summary>
internal sealed class GroupUsage(IDbContextFactory<PlatformDb> databases, WaitingUsage waiting)
{
    /// <summary>One sum per group, greatest cost first, for reports.</summary>
    public async Task<Summed<IReadOnlyList<UsageSum>>> SumAsync(
        GroupScope scope, DateTimeOffset? start, DateTimeOffset? end, int limit, CancellationToken cancellationToken)
    {
        var (totals, isWhole) = await TotalsAsync(scope, start, end, ifWhole: false, cancellationToken);
        return new(UsageAmounts.Greatest(totals, limit), isWhole);
    }

    /// <summary>One sum over the whole scope, for budgets. The cost saturates at 64 bits.</summary>
    public async Task<Summed<UsageTotal>> TotalAsync(GroupScope scope, DateTimeOffset? start, DateTimeOffset? end, CancellationToken cancellationToken)
    {
        var (totals, isWhole) = await TotalsAsync(scope, start, end, ifWhole: true, cancellationToken);
        return new(UsageAmounts.TotalOf(totals), isWhole);
    }

    /// <summary>A scope's calls since a time, per minute, for budgets.</summary>
    public async Task<Summed<IReadOnlyList<(DateTimeOffset Start, UsageTotal Total)>>> MinutesAsync(
        GroupScope scope, DateTimeOffset start, CancellationToken cancellationToken)
    {
        var (pending, isWhole) = await PendingAsync(scope, start, end: null, ifWhole: true, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await scope.Apply(db.UsageGroupMinutes.AsNoTracking()).Where(minute => minute.Minute >= start)
                    .Select(minute => new { minute.Minute, minute.Cost, Tokens = minute.InputTokens + minute.OutputTokens, minute.RequestCount })
                    .ToListAsync(token);
                return stored.Select(minute => (Start: minute.Minute, Total: new UsageTotal(minute.Cost, minute.Tokens, minute.RequestCount)))
                    .Concat((await MissingAsync(db, pending, token)).Select(call => UsageMinutes.Of(call.Row)));
            },
            cancellationToken);
        return new(
            [.. parts.GroupBy(part => part.Start).Select(minute => (minute.Key, minute.Aggregate(default(UsageTotal), (sum, part) => sum + part.Total)))],
            isWhole);
    }

    private async Task<Summed<IEnumerable<UsageAmounts>>> TotalsAsync(
        GroupScope scope, DateTimeOffset? start, DateTimeOffset? end, bool ifWhole, CancellationToken cancellationToken)
    {
        var (pending, isWhole) = await PendingAsync(scope, start, end, ifWhole, cancellationToken);
        var parts = await databases.ReadConsistentlyAsync(
            async (db, token) =>
            {
                var stored = await StoredAsync(db, scope, start, end, token);
                return stored.Concat((await MissingAsync(db, pending, token)).Select(AmountsOf));
            },
            cancellationToken);
        return new(parts.GroupBy(part => part.Key, UsageAmounts.Sum), isWhole);
    }

    private static async Task<List<UsageAmounts>> StoredAsync(
        PlatformDb db, GroupScope scope, DateTimeOffset? start, DateTimeOffset? end, CancellationToken cancellationToken)
    {
        var sums = new List<UsageAmounts>();
        var hours = WholeUnits.Hours(start, end);
        if (hours.HasUnits)
        {
            var (first, last) = (hours.First, hours.Last);
            var whole = scope.Apply(db.UsageGroupHours.AsNoTracking()).Where(hour => (first == null || hour.Hour >= first) && (last == null || hour.Hour < last));
            sums.AddRange(await UsageAmounts.Group(whole, hour => hour.GroupId, UsageAmounts.OfSums).ToListAsync(cancellationToken));
        }

        foreach (var (from, to) in hours.Edges)
        {
            var part = scope.Apply(db.UsageGroupMinutes.AsNoTracking()).Where(minute => minute.Minute >= from && minute.Minute < to);
            sums.AddRange(await UsageAmounts.Group(part, minute => minute.GroupId, UsageAmounts.OfSums).ToListAsync(cancellationToken));
        }

        return sums;
    }

    private static async Task<IEnumerable<GroupedUsage>> MissingAsync(PlatformDb db, List<GroupedUsage> pending, CancellationToken cancellationToken)
    {
        var missing = await WaitingUsage.MissingAsync(db, [.. pending.Select(call => call.Row).DistinctBy(row => row.Id)], cancellationToken);
        var ids = missing.Select(row => row.Id).ToHashSet();
        return pending.Where(call => ids.Contains(call.Row.Id));
    }

    private async Task<(List<GroupedUsage> Calls, bool IsWhole)> PendingAsync(
        GroupScope scope, DateTimeOffset? start, DateTimeOffset? end, bool ifWhole, CancellationToken cancellationToken)
    {
        var (records, isWhole) = await waiting.ReadAsync(
            new WaitingScope(scope.TenantId, scope.PartnerId),
            row => scope.Covers(row) && !(row.CreatedAt < start) && !(row.CreatedAt >= end),
            ifWhole,
            cancellationToken);
        var calls = GroupedUsage.Of(records);
        return (scope.GroupId is null ? calls : calls.FindAll(call => call.GroupId == scope.GroupId), isWhole);
    }

    private static UsageAmounts AmountsOf(GroupedUsage call) => new()
    {
        Key = call.GroupId,
        Requests = 1,
        Input = call.Row.TokensIn,
        Output = call.Row.TokensOut,
        CostUnits = call.Row.Cost / Money.NanosPerUnit,
        CostRest = call.Row.Cost % Money.NanosPerUnit,
        BackendUnits = call.Row.BackendCost / Money.NanosPerUnit,
        BackendRest = call.Row.BackendCost % Money.NanosPerUnit,
    };
}

/// <summary>A set of groups; null values do not restrict it.</summary>
internal sealed record GroupScope(string? PartnerId, string? TenantId, string? GroupId = null)
{
    /// <summary>The groups that a filter asks for, as far as its caller may see them. Callers who see only their own usage see no group's usage.</summary>
    public static GroupScope Of(UsageFilter filter)
    {
        var (asked, sight) = (filter.Asked, filter.Sight);
        return sight.UserId is not null
            ? throw new ApiException(new Problem(CoreErrors.PermissionDenied, "Usage of groups is visible only to callers who may see their tenant's usage."))
            : new GroupScope(sight.PartnerId, Both(asked.TenantId, sight.TenantId));
    }

    public bool Covers(UsageRow row) => (PartnerId is null || row.PartnerId == PartnerId) && (TenantId is null || row.TenantId == TenantId);

    public IQueryable<T> Apply<T>(IQueryable<T> sums)
        where T : UsageGroup
    {
        sums = PartnerId is null ? sums : sums.Where(sum => sum.PartnerId == PartnerId);
        sums = TenantId is null ? sums : sums.Where(sum => sum.TenantId == TenantId);
        return GroupId is null ? sums : sums.Where(sum => sum.GroupId == GroupId);
    }

    // Different tenants: nothing of the requested one is visible to this caller.
    private static string? Both(string? asked, string? sight) => asked is null || sight is null || asked == sight ? asked ?? sight : "";
}
