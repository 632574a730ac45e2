using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Budgets;

/// <summary>Finds the partner, tenant, user or group of a new budget within the caller's reach. Missing and inaccessible ones get the same error.</summary>
internal static class BudgetScopes
{
    public static async Task<(string PartnerId, string? TenantId, string ScopeId)> ReadAsync(
        Checks checks, string scope, string? scopeId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        if (scope.Length == 0)
        {
            return ("", null, "");
        }

        var rank = BudgetEndpoints.RankOf(caller);

        // The caller's own partner and tenant are the defaults.
        scopeId ??= scope switch
        {
            BudgetScope.Partner => caller.PartnerId,
            BudgetScope.Tenant => caller.TenantId,
            _ => null,
        };
        var id = checks.Required("scope_id", scopeId, Ids.MaxLength);
        var found = scope switch
        {
            BudgetScope.Partner when rank >= BudgetRank.Partner => await db.Partners.Where(partner => partner.Id == id)
                .Select(partner => new Place(partner.Id, null)).SingleOrDefaultAsync(cancellationToken),
            BudgetScope.Tenant => await db.Tenants.Where(tenant => tenant.Id == id)
                .Select(tenant => new Place(tenant.PartnerId, tenant.Id)).SingleOrDefaultAsync(cancellationToken),
            BudgetScope.User => await db.Users.Where(user => user.Id == id && user.Status != UserStatus.Deleted)
                .Join(db.Tenants, user => user.TenantId, tenant => tenant.Id, (user, tenant) => new Place(tenant.PartnerId, tenant.Id)).SingleOrDefaultAsync(cancellationToken),
            BudgetScope.Group => await db.Groups.Where(group => group.Id == id)
                .Join(db.Tenants, group => group.TenantId, tenant => tenant.Id, (group, tenant) => new Place(tenant.PartnerId, tenant.Id)).SingleOrDefaultAsync(cancellationToken),
            _ => null,
        };
        var isOurs = found is not null && rank switch
        {
            BudgetRank.Platform => true,
            BudgetRank.Partner => found.PartnerId == caller.PartnerId,
            _ => found.TenantId == caller.TenantId,
        };
        if (!isOurs && id.Length > 0)
        {
            checks.Add("scope_id", "is not something that you can set a budget for.");
        }

        return (found?.PartnerId ?? "", found?.TenantId, id);
    }

    private sealed record Place(string PartnerId, string? TenantId);
}
