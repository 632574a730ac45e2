using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Accounting;

namespace ScaiGrid.Platform.Budgets;

/// <summary>Converts a budget to the types of the hot path and of accounting.</summary>
internal static class BudgetRules
{
    public static BudgetRule Rule(this Budget budget, IReadOnlyDictionary<string, TimeZoneInfo> zones) => new()
    {
        Id = budget.Id,
        Owner = budget.Owner,
        Scope = budget.Scope,
        Action = budget.HardAction switch
        {
            BudgetActions.Notify => BudgetAction.Notify,
            BudgetActions.Throttle => BudgetAction.Throttle,
            _ => BudgetAction.Block,
        },
        CostLimit = budget.CostLimit,
        TokenLimit = budget.TokenLimit,
        RequestLimit = budget.RequestLimit,
        Calendar = budget.Calendar(zones),
    };

    /// <summary>The budget's periods, in its tenant's time zone, or in UTC for a partner's.</summary>
    public static BudgetCalendar Calendar(this Budget budget, IReadOnlyDictionary<string, TimeZoneInfo> zones) =>
        new(budget.Period, zones.GetValueOrDefault(budget.Owner, TimeZoneInfo.Utc));

    /// <summary>The group whose members' calls the budget counts; null for other scopes.</summary>
    public static GroupScope? Group(this Budget budget) =>
        budget.Scope == BudgetScope.Group ? new GroupScope(PartnerId: null, budget.TenantId, budget.ScopeId) : null;

    /// <summary>The usage that the budget counts, for all scopes but groups.</summary>
    public static UsageScope Usage(this Budget budget) => budget.Scope switch
    {
        BudgetScope.Partner => new UsageScope { PartnerId = budget.ScopeId },
        BudgetScope.Tenant => new UsageScope { TenantId = budget.ScopeId },
        _ => new UsageScope { TenantId = budget.TenantId, UserId = budget.ScopeId },
    };
}

internal static class BudgetActions
{
    public const string Block = "block";
    public const string Notify = "notify";
    public const string Throttle = "throttle";
}
