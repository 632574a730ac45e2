using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// The reach of a caller's permissions. Two rules prevent privilege escalation: what is outside of the reach does not exist for the caller (404),
/// and within it nobody can give, take away or use on behalf of another user what they do not have themselves, with the same reach.
/// </summary>
internal static class Authority
{
    /// <summary>The tenants for which the caller has the permission.</summary>
    public static IQueryable<Tenant> Within(this IQueryable<Tenant> tenants, Caller caller, string permission)
    {
        var (tenantId, partnerId) = (caller.TenantId, caller.PartnerId);
        return caller.ReachOf(permission) switch
        {
            Reach.Grid => tenants,
            Reach.Partner => tenants.Where(tenant => tenant.PartnerId == partnerId),
            Reach.Tenant => tenants.Where(tenant => tenant.Id == tenantId),
            _ => tenants.Where(tenant => false),
        };
    }

    /// <summary>The users, except deleted ones, of the tenants for which the caller has <c>users:manage</c>.</summary>
    public static IQueryable<User> ManagedBy(this IQueryable<User> users, PlatformDb db, Caller caller)
    {
        var (tenantId, partnerId) = (caller.TenantId, caller.PartnerId);
        users = users.Where(user => user.Status != UserStatus.Deleted);
        return caller.ReachOf(Permissions.ManageUsers) switch
        {
            Reach.Grid => users,
            Reach.Partner => users.Where(user => db.Tenants.Any(tenant => tenant.Id == user.TenantId && tenant.PartnerId == partnerId)),
            Reach.Tenant => users.Where(user => user.TenantId == tenantId),
            _ => users.Where(user => false),
        };
    }

    /// <summary>The tenant of a request: the one that it names, or the caller's own.</summary>
    /// <exception cref="ApiException">The tenant is not within the caller's reach, or does not exist.</exception>
    public static async Task<Tenant> TenantAsync(this PlatformDb db, string? tenantId, Caller caller, string permission, CancellationToken cancellationToken)
    {
        var id = tenantId ?? caller.TenantId;
        return await db.Tenants.AsNoTracking().Within(caller, permission).SingleOrDefaultAsync(tenant => tenant.Id == id, cancellationToken)
            ?? throw new ApiException(Problem.Invalid("tenant_id", "is not a tenant that you manage."));
    }

    /// <summary>
    /// Whether only super admins may suspend or limit the tenant: the installation's own services act in it, or one of its users is a super
    /// admin. Suspending it would affect them.
    /// </summary>
    public static async Task<bool> IsOfOperatorsAsync(this PlatformDb db, Tenant tenant, CancellationToken cancellationToken) =>
        tenant.Slug == HomeTenant.Slug
        || await db.RoleMappings.AnyAsync(mapping => mapping.TenantId == tenant.Id && mapping.AutoRevoke && mapping.Role == Roles.SuperAdmin, cancellationToken)
        || await db.Users.AnyAsync(
            user => user.TenantId == tenant.Id && user.Status != UserStatus.Deleted
                && db.UserRoles.Any(role => role.UserId == user.Id && role.Role == Roles.SuperAdmin),
            cancellationToken);

    /// <summary>The tenant of a row that is known to be within the caller's reach.</summary>
    public static Task<Tenant> TenantOfAsync(this PlatformDb db, string tenantId, CancellationToken cancellationToken) =>
        db.Tenants.AsNoTracking().SingleAsync(tenant => tenant.Id == tenantId, cancellationToken);

    /// <summary>Whether the caller has everything that a user of the tenant has with these grants.</summary>
    public static bool Covers(this Caller caller, UserGrants grants, Tenant tenant) => caller.Covers(grants.Permissions, grants.Roles, tenant);

    /// <inheritdoc cref="Covers(Caller, UserGrants, Tenant)"/>
    public static bool Covers(
        this Caller caller, IEnumerable<string> permissions, System.Collections.Frozen.FrozenSet<string> roles, Tenant tenant) =>
        permissions.All(permission => caller.Covers(permission, Roles.ReachOf(roles, permission), tenant.Id, tenant.PartnerId));
}
