using ScaiGrid.Core;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Budgets;

/// <summary>Creates the views of budgets, each with its use.</summary>
internal static class BudgetViews
{
    public static async Task<List<BudgetView>> MakeAsync(IReadOnlyList<Budget> budgets, PlatformDb db, BudgetLedger ledger, CancellationToken cancellationToken)
    {
        var zones = await BudgetLedger.ZonesAsync(db, budgets, cancellationToken);
        var views = new List<BudgetView>(budgets.Count);
        foreach (var budget in budgets)
        {
            views.Add(Of(budget, await ledger.LookAsync(budget, budget.Calendar(zones), cancellationToken)));
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
        state.IsWhole,
        Amounts(state.Reserved),
        state.Word(budget),
        state.Period.Start,
        state.Period.End,
        budget.CreatedAt,
        budget.UpdatedAt);

    private static BudgetAmounts Amounts(UsageTotal total) => new(Money.Format(total.Cost), total.Tokens, total.Requests);
}
