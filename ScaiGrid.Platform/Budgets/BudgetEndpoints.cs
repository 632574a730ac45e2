using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Budgets;

/// <summary>
/// Budgets within the caller's reach. A budget set by the partner or the platform is visible to the levels below, but they cannot change it.
/// </summary>
internal static class BudgetEndpoints
{
    /// <summary>Each call checks all budgets of its user, groups, tenant and partner.</summary>
    private const int MostOfScope = 20;

    public static void MapBudgets(this IEndpointRouteBuilder group)
    {
        group.MapGet("/accounting/budgets", List).RequirePermission(Permissions.ManageBudgets)
            .WithName("ListBudgets").WithSummary("Budgets with their use, newest first.");
        group.MapPost("/accounting/budgets", Create).RequirePermission(Permissions.ManageBudgets).Audited("budget.create", "budget")
            .WithName("CreateBudget").WithSummary("Limits what a partner, a tenant, a user or a group may use in a period.");
        group.MapGet("/accounting/budgets/{id}", Get).RequirePermission(Permissions.ManageBudgets)
            .WithName("GetBudget").WithSummary("A budget, its use and its state.");
        group.MapPut("/accounting/budgets/{id}", Update).RequirePermission(Permissions.ManageBudgets).Audited("budget.update", "budget")
            .WithName("UpdateBudget").WithSummary("Changes what is given; null clears a limit.");
        group.MapDelete("/accounting/budgets/{id}", Delete).RequirePermission(Permissions.ManageBudgets).Audited("budget.delete", "budget")
            .WithName("DeleteBudget").WithSummary("Ends a budget.");
    }

    private static async Task<Ok<PageEnvelope<BudgetView>>> List(
        [AsParameters] PageQuery query, string? scope, Caller caller, PlatformDb db, BudgetLedger ledger, CancellationToken cancellationToken)
    {
        var page = await VisibleTo(db, caller).AsNoTracking()
            .Where(budget => scope == null || budget.Scope == scope)
            .NewestAsync(query, Ids.Budget, budget => budget.Id, cancellationToken);
        return Reply.Page(await BudgetViews.MakeAsync(page.Rows, db, ledger, cancellationToken), page.Next);
    }

    private static async Task<Results<Ok<Envelope<BudgetView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, BudgetLedger ledger, CancellationToken cancellationToken) =>
        await VisibleTo(db, caller).AsNoTracking().SingleOrDefaultAsync(budget => budget.Id == id, cancellationToken) is { } row
            ? Reply.Ok((await BudgetViews.MakeAsync([row], db, ledger, cancellationToken))[0])
            : Reply.Problem(CoreErrors.NotFound);

    private static async Task<Created<Envelope<BudgetView>>> Create(
        CreateBudget body,
        Caller caller,
        PlatformDb db,
        IDbContextFactory<PlatformDb> databases,
        BudgetLedger ledger,
        TenantLimitOptions limits,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var scope = BudgetFields.Scope(checks, body.Scope);
        var (partnerId, tenantId, scopeId) = await BudgetScopes.ReadAsync(checks, scope, body.ScopeId, caller, db, cancellationToken);
        var now = time.GetStoredNow();
        var row = new Budget
        {
            Id = Ids.New(Ids.Budget, time),
            PartnerId = partnerId,
            TenantId = tenantId,
            Scope = scope,
            ScopeId = scopeId,
            Name = checks.Text("name", body.Name, BudgetFields.NameLength) ?? "",
            Period = BudgetFields.NewPeriod(checks, body.Period),
            CostLimit = BudgetFields.Cost(checks, body.CostLimit),
            TokenLimit = BudgetFields.Count(checks, "token_limit", body.TokenLimit),
            RequestLimit = BudgetFields.Count(checks, "request_limit", body.RequestLimit),
            HardAction = BudgetFields.Action(checks, body.HardAction, BudgetActions.Block),
            SoftLimitMillionths = BudgetFields.SoftLimit(checks, body.SoftLimitPct) ?? BudgetFields.DefaultSoftLimit,
            ManagedBy = RankOf(caller),
            CreatedBy = caller.UserId,
            CreatedAt = now,
            UpdatedAt = now,
        };
        BudgetFields.RequireLimit(checks, row);
        checks.ThrowIfAny();
        await databases.TransactAsync((work, token) => AddAsync(work, row, limits.BudgetsPerTenant, token), cancellationToken);
        return Reply.Created($"/v1/accounting/budgets/{row.Id}", (await BudgetViews.MakeAsync([row], db, ledger, cancellationToken))[0]);
    }

    private static async Task AddAsync(PlatformDb db, Budget row, int most, CancellationToken cancellationToken)
    {
        // Those of other levels do not count: a tenant with many budgets can still be given one from above.
        var budgets = db.Budgets.Where(budget => budget.TenantId == row.TenantId && budget.PartnerId == row.PartnerId && budget.ManagedBy == row.ManagedBy);
        await db.ThrowIfFullAsync(row.Owner, budgets, most, BudgetErrors.TooMany, cancellationToken);
        await db.ThrowIfFullAsync(
            row.Owner, budgets.Where(budget => budget.Scope == row.Scope && budget.ScopeId == row.ScopeId), MostOfScope, BudgetErrors.TooManyOfScope, cancellationToken);
        db.Budgets.Add(row);
    }

    private static async Task<Results<Ok<Envelope<BudgetView>>, ProblemResult>> Update(
        string id, UpdateBudget body, Caller caller, PlatformDb db, BudgetLedger ledger, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await VisibleTo(db, caller).SingleOrDefaultAsync(budget => budget.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        if (row.ManagedBy > RankOf(caller))
        {
            return Reply.Problem(BudgetErrors.SetAbove);
        }

        var checks = new Checks();
        if ((body.Scope is not null && body.Scope != row.Scope) || (body.ScopeId is not null && body.ScopeId != row.ScopeId))
        {
            checks.Add("scope", "cannot be changed; make a new budget.");
        }

        var (period, action) = (row.Period, row.HardAction);
        row.Name = checks.Text("name", body.Name, BudgetFields.NameLength) ?? row.Name;
        row.Period = BudgetFields.Period(checks, body.Period, row.Period);
        row.CostLimit = body.CostLimit.IsGiven ? BudgetFields.Cost(checks, body.CostLimit.Value) : row.CostLimit;
        row.TokenLimit = body.TokenLimit.IsGiven ? BudgetFields.Count(checks, "token_limit", body.TokenLimit.Value) : row.TokenLimit;
        row.RequestLimit = body.RequestLimit.IsGiven ? BudgetFields.Count(checks, "request_limit", body.RequestLimit.Value) : row.RequestLimit;
        row.HardAction = BudgetFields.Action(checks, body.HardAction, row.HardAction);
        row.SoftLimitMillionths = BudgetFields.SoftLimit(checks, body.SoftLimitPct) ?? row.SoftLimitMillionths;
        BudgetFields.RequireLimit(checks, row);
        checks.ThrowIfAny();
        row.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        var isOther = row.Period != period || (row.HardAction == BudgetActions.Block && action != BudgetActions.Block);
        await ledger.ChangedAsync(row, isOther, cancellationToken);
        return Reply.Ok((await BudgetViews.MakeAsync([row], db, ledger, cancellationToken))[0]);
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, PlatformDb db, BudgetLedger ledger, CancellationToken cancellationToken)
    {
        if (await VisibleTo(db, caller).SingleOrDefaultAsync(budget => budget.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        if (row.ManagedBy > RankOf(caller))
        {
            return Reply.Problem(BudgetErrors.SetAbove);
        }

        db.Budgets.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        await ledger.ForgetAsync(row);
        return TypedResults.NoContent();
    }

    private static IQueryable<Budget> VisibleTo(PlatformDb db, Caller caller)
    {
        var (partnerId, tenantId) = (caller.PartnerId, caller.TenantId);
        return RankOf(caller) switch
        {
            BudgetRank.Platform => db.Budgets,
            BudgetRank.Partner => db.Budgets.Where(budget => budget.PartnerId == partnerId),
            _ => db.Budgets.Where(budget => budget.TenantId == tenantId),
        };
    }

    /// <summary>The rank of a caller who manages budgets.</summary>
    internal static int RankOf(Caller caller) => caller.ReachOf(Permissions.ManageBudgets) switch
    {
        Reach.Grid => BudgetRank.Platform,
        Reach.Partner => BudgetRank.Partner,
        _ => BudgetRank.Tenant,
    };
}
