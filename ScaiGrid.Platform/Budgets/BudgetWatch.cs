using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Modules;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;

namespace ScaiGrid.Platform.Budgets;

/// <summary>
/// Checks all budgets: sends an event for each limit that was reached, once per period, and compares the use with the database every few
/// minutes.
/// </summary>
internal sealed partial class BudgetWatch(
    IDbContextFactory<PlatformDb> databases, BudgetLedger ledger, EventOutbox outbox, TimeProvider time, ILogger<BudgetWatch> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private const string Soft = "soft";
    private const string Hard = "hard";
    private const int MinutesBetweenReconciliations = 3;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var budgets = await db.Budgets.AsNoTracking().ToArrayAsync(cancellationToken);

        // A run that is cancelled must not always leave the same ones out.
        RandomNumberGenerator.Shuffle(budgets.AsSpan());
        var zones = await BudgetLedger.ZonesAsync(db, budgets, cancellationToken);
        foreach (var budget in budgets)
        {
            try
            {
                await LookAsync(budget, budget.Calendar(zones), cancellationToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException && !RedisAway.Is(exception, cancellationToken) && !DatabaseAway.Is(exception))
            {
                // A failure of one budget must not affect the others.
                BudgetFailed(exception, budget.Id);
            }
        }
    }

    private async Task LookAsync(Budget budget, BudgetCalendar calendar, CancellationToken cancellationToken)
    {
        var state = await ledger.StateAsync(budget, calendar);
        if (state is { IsOfOtherCalendar: true })
        {
            // The list may be minutes old, and what was changed since must not be undone.
            await using var db = await databases.CreateDbContextAsync(cancellationToken);
            if (await db.Budgets.AsNoTracking().SingleOrDefaultAsync(row => row.Id == budget.Id, cancellationToken) is not { } now)
            {
                return;
            }

            (budget, calendar) = (now, now.Calendar(await BudgetLedger.ZonesAsync(db, [now], cancellationToken)));
            state = await ledger.StateAsync(budget, calendar);
        }

        if (state is null or { IsOfOtherCalendar: true } || BudgetPeriod.MinuteOf(time.GetUtcNow()) - state.ReconciledAt >= MinutesBetweenReconciliations)
        {
            await ledger.ReconcileAsync(budget, calendar, force: state is { IsOfOtherCalendar: true }, cancellationToken);
            state = await ledger.StateAsync(budget, calendar);
        }

        // A budget that reaches both limits at once sends both events.
        var word = state?.Word(budget);
        if (word is "soft" or "blocked")
        {
            await TellAsync(budget, state!, Soft, cancellationToken);
        }

        if (word is "blocked")
        {
            await TellAsync(budget, state!, Hard, cancellationToken);
        }
    }

    private async Task TellAsync(Budget budget, BudgetState state, string kind, CancellationToken cancellationToken)
    {
        var start = state.Period.Start;
        var isNew = await databases.TransactAsync(
            async (db, token) =>
            {
                if (await db.BudgetMarks.AnyAsync(mark => mark.BudgetId == budget.Id && mark.PeriodStart == start && mark.Kind == kind, token))
                {
                    return false;
                }

                db.BudgetMarks.Add(new BudgetMark { BudgetId = budget.Id, PeriodStart = start, Kind = kind, CreatedAt = time.GetStoredNow() });
                outbox.Add(db, await EventAsync(db, budget, state, kind, token));
                return true;
            },
            cancellationToken);
        if (isNew)
        {
            LimitReached(budget.Id, kind, budget.Scope, budget.ScopeId);
        }
    }

    private static async Task<GridEvent> EventAsync(PlatformDb db, Budget budget, BudgetState state, string kind, CancellationToken cancellationToken)
    {
        // Events belong to a tenant: those of a partner's budget go to the tenant of the user who created it.
        var tenantId = budget.TenantId
            ?? await db.Users.Where(user => user.Id == budget.CreatedBy).Select(user => user.TenantId).SingleOrDefaultAsync(cancellationToken)
            ?? await db.Tenants.Where(tenant => tenant.PartnerId == budget.PartnerId).MinAsync(tenant => tenant.Id, cancellationToken);
        return new GridEvent(kind == Hard ? EventTypes.BudgetHardLimitReached : EventTypes.BudgetSoftLimitReached, "budgets", tenantId!, budget.PartnerId, new JsonObject
        {
            ["budget_id"] = budget.Id,
            ["name"] = budget.Name,
            ["scope"] = budget.Scope,
            ["scope_id"] = budget.ScopeId,
            ["period"] = budget.Period,
            ["period_start"] = state.Period.Start,
            ["hard_action"] = budget.HardAction,
            ["cost_limit"] = budget.CostLimit is { } cost ? Money.Format(cost) : null,
            ["token_limit"] = budget.TokenLimit,
            ["request_limit"] = budget.RequestLimit,
            ["usage"] = new JsonObject { ["cost"] = Money.Format(state.Used.Cost), ["tokens"] = state.Used.Tokens, ["requests"] = state.Used.Requests },
        });
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Budget {BudgetId} of {Scope} {ScopeId} has reached its {Kind} limit.")]
    private partial void LimitReached(string budgetId, string kind, string scope, string scopeId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Budget {BudgetId} could not be checked.")]
    private partial void BudgetFailed(Exception exception, string budgetId);
}
