using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>Roles for the members of groups.</summary>
internal static class RoleMappingEndpoints
{
    public static void MapRoleMappings(this IEndpointRouteBuilder group)
    {
        group.MapGet("/role-mappings", List).RequirePermission(Permissions.ManageUsers)
            .WithName("ListRoleMappings").WithSummary("Which roles the tenant's groups carry, newest first.");
        group.MapPost("/role-mappings", Create).RequirePermission(Permissions.ManageUsers).Audited("role_mapping.create", "role_mapping")
            .WithName("CreateRoleMapping").WithSummary("Gives a role to the members of a group, and of the groups in it.");
        group.MapDelete("/role-mappings/{id}", Delete).RequirePermission(Permissions.ManageUsers).Audited("role_mapping.delete", "role_mapping")
            .WithName("DeleteRoleMapping").WithSummary("With auto_revoke, the members lose the role at once.");
    }

    private static async Task<Ok<PageEnvelope<RoleMappingView>>> List(
        [AsParameters] PageQuery query, [FromQuery(Name = "tenant_id")] string? tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var tenant = await db.TenantAsync(tenantId, caller, Permissions.ManageUsers, cancellationToken);
        var page = await db.ByIndex<RoleMapping>("ix_role_mappings_tenant").AsNoTracking()
            .Where(mapping => mapping.TenantId == tenant.Id)
            .NewestAsync(query, Ids.RoleMapping, mapping => mapping.Id, cancellationToken);
        return page.As(RoleMappingView.Of);
    }

    private static async Task<Results<Created<Envelope<RoleMappingView>>, ProblemResult>> Create(
        CreateRoleMapping body,
        Caller caller,
        PlatformDb db,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        checks.Required("group_id", body.GroupId, Ids.MaxLength);
        var role = checks.RequiredOneOf("role", body.Role, [.. Roles.Holds.Keys.Order(StringComparer.Ordinal)]);
        checks.ThrowIfAny();
        if (await db.ManagedGroupAsync(body.GroupId, caller, cancellationToken) is not { } group)
        {
            throw new ApiException(Problem.Invalid("group_id", "is not a group of a tenant that you manage."));
        }

        if (!caller.Covers(catalogue.Of([role]), [role], await db.TenantOfAsync(group.TenantId, cancellationToken)))
        {
            return Reply.Problem(IdentityErrors.GrantsMore);
        }

        var mapping = new RoleMapping
        {
            Id = Ids.New(Ids.RoleMapping, time),
            TenantId = group.TenantId,
            GroupId = group.Id,
            Role = role,
            AutoRevoke = body.AutoRevoke ?? true,
            CreatedAt = time.GetStoredNow(),
            CreatedBy = caller.UserId,
        };
        await databases.TransactAsync((work, token) => Memberships.AddMappingAsync(work, mapping, token), cancellationToken);
        return Reply.Created($"/v1/role-mappings/{mapping.Id}", RoleMappingView.Of(mapping));
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, PlatformDb db, PermissionCatalogue catalogue, CancellationToken cancellationToken)
    {
        var tenants = db.Tenants.Within(caller, Permissions.ManageUsers);
        var mapping = await db.RoleMappings.SingleOrDefaultAsync(
            row => row.Id == id && tenants.Any(tenant => tenant.Id == row.TenantId), cancellationToken);
        if (mapping is null)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        if (!caller.Covers(catalogue.Of([mapping.Role]), [mapping.Role], await db.TenantOfAsync(mapping.TenantId, cancellationToken)))
        {
            return Reply.Problem(IdentityErrors.HoldsMore);
        }

        db.RoleMappings.Remove(mapping);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }
}

/// <param name="GroupId">The group whose members get the role.</param>
/// <param name="Role">A built-in role; the caller must have all of its permissions.</param>
/// <param name="AutoRevoke">Whether a user who leaves the group loses the role; true by default.</param>
public sealed record CreateRoleMapping(string? GroupId, string? Role, bool? AutoRevoke = null);

internal sealed record RoleMappingView(
    string Id, string TenantId, string GroupId, string Role, bool AutoRevoke, DateTimeOffset CreatedAt, string CreatedBy)
{
    public static RoleMappingView Of(RoleMapping row) => new(row.Id, row.TenantId, row.GroupId, row.Role, row.AutoRevoke, row.CreatedAt, row.CreatedBy);
}
