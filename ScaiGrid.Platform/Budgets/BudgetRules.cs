using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Accounting;

namespace ScaiGrid.Platform.Budgets;

/// <summary>A budget as the hot path and as accounting see it.</summary>
internal static class BudgetRules
{
    public static BudgetRule Rule(this Budget budget, TimeZoneInfo zone) => new()
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
        Calendar = new BudgetCalendar(budget.Period, zone),
    };

    /// <summary>The group whose members' calls the budget counts; null for a budget of another scope.</summary>
    public static GroupScope? Group(this Budget budget) =>
        budget.Scope == BudgetScope.Group ? new GroupScope(PartnerId: null, budget.TenantId, budget.ScopeId) : null;

    /// <summary>Whose usage the budget counts, where it is not a group's.</summary>
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
