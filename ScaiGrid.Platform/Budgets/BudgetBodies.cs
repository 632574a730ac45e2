using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Budgets;

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
/// <param name="UsageIsComplete">False if settled calls may be missing from it, because Redis did not tell all that are not in the database yet.</param>
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
    bool UsageIsComplete,
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
