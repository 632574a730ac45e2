using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Budgets;

/// <summary>Validates a budget's fields.</summary>
internal static class BudgetFields
{
    public const int NameLength = 200;
    public const int DefaultSoftLimit = 800_000;

    // Redis scripts add counts in floating point, which is exact below 2^53.
    private const long MaxCount = 1_000_000_000_000_000;

    public static string Period(Checks checks, string? value, string otherwise) =>
        checks.OneOf("period", value, otherwise, BudgetCalendar.Daily, BudgetCalendar.Weekly, BudgetCalendar.Monthly, BudgetCalendar.Total);

    public static string NewPeriod(Checks checks, string? value) =>
        checks.RequiredOneOf("period", value, BudgetCalendar.Daily, BudgetCalendar.Weekly, BudgetCalendar.Monthly, BudgetCalendar.Total);

    /// <summary>Empty if the value is invalid.</summary>
    public static string Scope(Checks checks, string? value) =>
        checks.RequiredOneOf("scope", value, BudgetScope.Partner, BudgetScope.Tenant, BudgetScope.User, BudgetScope.Group);

    public static string Action(Checks checks, string? value, string otherwise) =>
        checks.OneOf("hard_action", value, otherwise, BudgetActions.Block, BudgetActions.Notify, BudgetActions.Throttle);

    public static long? Cost(Checks checks, string? value)
    {
        if (value is null)
        {
            return null;
        }

        if (!Money.TryParse(value, out var nanos))
        {
            checks.Add("cost_limit", "must be a decimal string such as \"250.00\" with at most nine decimals.");
        }

        return nanos;
    }

    public static long? Count(Checks checks, string field, long? value)
    {
        if (value is < 0 or > MaxCount)
        {
            checks.Add(field, $"must be between 0 and {MaxCount}.");
        }

        return value;
    }

    public static int? SoftLimit(Checks checks, decimal? value)
    {
        if (value is < 0 or > 1)
        {
            checks.Add("soft_limit_pct", "must be between 0 and 1.");
            return null;
        }

        return value is { } share ? (int)(share * 1_000_000) : null;
    }

    public static void RequireLimit(Checks checks, Budget budget)
    {
        if (budget is { CostLimit: null, TokenLimit: null, RequestLimit: null })
        {
            checks.Add("cost_limit", "is required, or token_limit or request_limit is.");
        }
    }
}

/// <param name="Scope">partner, tenant, user or group.</param>
/// <param name="Period">daily, weekly, monthly or total, by the calendar of the tenant's time zone.</param>
/// <param name="ScopeId">The id of the partner, tenant, user or group; if omitted, the caller's own partner or tenant.</param>
/// <param name="Name">The name shown to people.</param>
/// <param name="CostLimit">A decimal string.</param>
/// <param name="TokenLimit">Input and output tokens.</param>
/// <param name="RequestLimit">Number of calls.</param>
/// <param name="HardAction">block (the default), notify or throttle.</param>
/// <param name="SoftLimitPct">The share of a limit at which the first event is sent; 0.8 by default.</param>
public sealed record CreateBudget(
    string? Scope,
    string? Period,
    string? ScopeId = null,
    string? Name = null,
    string? CostLimit = null,
    long? TokenLimit = null,
    long? RequestLimit = null,
    string? HardAction = null,
    decimal? SoftLimitPct = null);

/// <summary>Omitted fields keep their values; <c>null</c> removes a limit.</summary>
public sealed record UpdateBudget(
    string? Scope = null, string? ScopeId = null, string? Period = null, string? Name = null, string? HardAction = null, decimal? SoftLimitPct = null)
{
    public Optional<string> CostLimit { get; init; }

    public Optional<long?> TokenLimit { get; init; }

    public Optional<long?> RequestLimit { get; init; }
}

/// <summary>Creates the views of budgets, each with its use.</summary>
internal static class BudgetViews
{
    public static async Task<List<BudgetView>> MakeAsync(IReadOnlyList<Budget> budgets, PlatformDb db, BudgetLedger ledger, CancellationToken cancellationToken)
    {
        var zones = await BudgetLedger.ZonesAsync(db, budgets, cancellationToken);
        var views = new List<BudgetView>(budgets.Count);
        foreach (var budget in budgets)
        {
            var calendar = new BudgetCalendar(budget.Period, zones.GetValueOrDefault(budget.Owner, TimeZoneInfo.Utc));
            views.Add(Of(budget, await ledger.LookAsync(budget, calendar, cancellationToken)));
        }

        return views;
    }

    private static BudgetView Of(Budget budget, BudgetState state) => new(
        budget.Id,
        budget.Name,
        budget.Scope,
        budget.ScopeId,
        budget.TenantId,
        budget.PartnerId,
        budget.Period,
        budget.CostLimit is { } cost ? Money.Format(cost) : null,
        budget.TokenLimit,
        budget.RequestLimit,
        budget.HardAction,
        budget.SoftLimitMillionths / 1_000_000m,
        BudgetRank.Word(budget.ManagedBy),
        Amounts(state.Used),
        Amounts(state.Reserved),
        state.Word(budget),
        state.Period.Start,
        state.Period.End,
        budget.CreatedAt,
        budget.UpdatedAt);

    private static BudgetAmounts Amounts(UsageTotal total) => new(Money.Format(total.Cost), total.Tokens, total.Requests);
}

/// <param name="Id">bdg_…</param>
/// <param name="Name">The name shown to people.</param>
/// <param name="Scope">partner, tenant, user or group.</param>
/// <param name="ScopeId">The id of the partner, tenant, user or group.</param>
/// <param name="TenantId">Null for a partner's budget.</param>
/// <param name="PartnerId">prt_…</param>
/// <param name="Period">daily, weekly, monthly or total.</param>
/// <param name="CostLimit">A decimal string.</param>
/// <param name="TokenLimit">Input and output tokens.</param>
/// <param name="RequestLimit">Number of calls.</param>
/// <param name="HardAction">block, notify or throttle.</param>
/// <param name="SoftLimitPct">Between 0 and 1.</param>
/// <param name="ManagedBy">The level that created it: tenant, partner or platform. It and the levels above may change it.</param>
/// <param name="Usage">The use by settled calls.</param>
/// <param name="Reserved">The highest possible use by running calls.</param>
/// <param name="State">ok, soft or blocked.</param>
/// <param name="PeriodStart">The first moment of the current period.</param>
/// <param name="PeriodEnd">The first moment after it; null for total.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record BudgetView(
    string Id,
    string Name,
    string Scope,
    string ScopeId,
    string? TenantId,
    string PartnerId,
    string Period,
    string? CostLimit,
    long? TokenLimit,
    long? RequestLimit,
    string HardAction,
    decimal SoftLimitPct,
    string ManagedBy,
    BudgetAmounts Usage,
    BudgetAmounts Reserved,
    string State,
    DateTimeOffset PeriodStart,
    DateTimeOffset? PeriodEnd,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);

/// <param name="Cost">A decimal string.</param>
/// <param name="Tokens">Input and output tokens.</param>
/// <param name="Requests">Number of calls.</param>
internal sealed record BudgetAmounts(string Cost, long Tokens, long Requests);
