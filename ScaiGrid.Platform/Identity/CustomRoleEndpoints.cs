using System.Text.Json;
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
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>A tenant's own roles. They cannot have more permissions than a tenant can have, or than their author has.</summary>
internal static class CustomRoleEndpoints
{
    private const int MostPerTenant = 100;
    private const int NameLength = 200;
    private const int DescriptionLength = 2000;

    public static void MapCustomRoles(this IEndpointRouteBuilder group)
    {
        group.MapGet("/iam/custom-roles", List).RequirePermission(Permissions.ManageUsers)
            .WithName("ListCustomRoles").WithSummary("The tenant's own roles, newest first.");
        group.MapPost("/iam/custom-roles", Create).RequirePermission(Permissions.ManageUsers).Audited("custom_role.create", "custom_role")
            .WithName("CreateCustomRole").WithSummary("Adds a role.");
        group.MapGet("/iam/custom-roles/{id}", Get).RequirePermission(Permissions.ManageUsers)
            .WithName("GetCustomRole").WithSummary("One role.");
        group.MapPut("/iam/custom-roles/{id}", Update).RequirePermission(Permissions.ManageUsers).Audited("custom_role.update", "custom_role")
            .WithName("UpdateCustomRole").WithSummary("Changes what is given, for all who hold the role.");
        group.MapDelete("/iam/custom-roles/{id}", Delete).RequirePermission(Permissions.ManageUsers).Audited("custom_role.delete", "custom_role")
            .WithName("DeleteCustomRole").WithSummary("Removes a role, and takes it from all who hold it.");
    }

    private static async Task<Ok<PageEnvelope<CustomRoleView>>> List(
        [AsParameters] PageQuery query, [FromQuery(Name = "tenant_id")] string? tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var tenant = await db.TenantAsync(tenantId, caller, Permissions.ManageUsers, cancellationToken);
        var page = await db.ByIndex<CustomRole>("ix_custom_roles_tenant").AsNoTracking()
            .Where(role => role.TenantId == tenant.Id)
            .NewestAsync(query, Ids.CustomRole, role => role.Id, cancellationToken);
        return page.As(CustomRoleView.Of);
    }

    private static async Task<Results<Ok<Envelope<CustomRoleView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var role = await Managed(db, caller).AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        return role is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(CustomRoleView.Of(role));
    }

    private static async Task<Results<Created<Envelope<CustomRoleView>>, ProblemResult>> Create(
        CreateCustomRole body,
        Caller caller,
        PlatformDb db,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var slug = checks.Slug(body.Slug);
        var name = checks.Required("name", body.Name, NameLength);
        var description = checks.Prose("description", body.Description, DescriptionLength) ?? "";
        var core = Core(checks, body.CorePermissions) ?? [];
        var ofModules = OfModules(checks, body.ModulePermissions, catalogue) ?? [];
        checks.ThrowIfAny();
        var tenant = await db.TenantAsync(body.TenantId, caller, Permissions.ManageUsers, cancellationToken);
        if (!caller.Covers([.. core, .. ofModules], [], tenant))
        {
            return Reply.Problem(IdentityErrors.GrantsMore);
        }

        var now = time.GetStoredNow();
        var role = new CustomRole
        {
            Id = Ids.New(Ids.CustomRole, time),
            TenantId = tenant.Id,
            Slug = slug,
            Name = name,
            Description = description,
            CorePermissions = JsonSerializer.Serialize(core),
            ModulePermissions = JsonSerializer.Serialize(ofModules),
            CreatedAt = now,
            UpdatedAt = now,
        };
        await databases.TransactAsync(
            async (work, token) =>
            {
                await work.ThrowIfFullAsync(role.TenantId, work.CustomRoles.Where(other => other.TenantId == role.TenantId), MostPerTenant, IdentityErrors.TooManyRoles, token);
                work.CustomRoles.Add(role);
                await work.SaveOrThrowAsync(token, duplicate: IdentityErrors.RoleSlugTaken);
            },
            cancellationToken);
        return Reply.Created($"/v1/iam/custom-roles/{role.Id}", CustomRoleView.Of(role));
    }

    private static async Task<Results<Ok<Envelope<CustomRoleView>>, ProblemResult>> Update(
        string id, UpdateCustomRole body, Caller caller, PlatformDb db, PermissionCatalogue catalogue, TimeProvider time, CancellationToken cancellationToken)
    {
        var role = await CoveredAsync(id, db, caller, cancellationToken);
        var checks = new Checks();
        checks.SameSlug(body.Slug, role.Slug);
        role.Name = body.Name is null ? role.Name : checks.Required("name", body.Name, NameLength);
        role.Description = checks.Prose("description", body.Description, DescriptionLength) ?? role.Description;
        var (core, ofModules) = (Core(checks, body.CorePermissions), OfModules(checks, body.ModulePermissions, catalogue));
        checks.ThrowIfAny();
        if (!caller.Covers([.. core ?? [], .. ofModules ?? []], [], await db.TenantOfAsync(role.TenantId, cancellationToken)))
        {
            return Reply.Problem(IdentityErrors.GrantsMore);
        }

        role.CorePermissions = core is null ? role.CorePermissions : JsonSerializer.Serialize(core);
        role.ModulePermissions = ofModules is null ? role.ModulePermissions : JsonSerializer.Serialize(ofModules);
        role.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return Reply.Ok(CustomRoleView.Of(role));
    }

    private static async Task<NoContent> Delete(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        db.CustomRoles.Remove(await CoveredAsync(id, db, caller, cancellationToken));
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<CustomRole> CoveredAsync(string id, PlatformDb db, Caller caller, CancellationToken cancellationToken)
    {
        var role = await Managed(db, caller).SingleOrDefaultAsync(row => row.Id == id, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        var view = CustomRoleView.Of(role);
        return caller.Covers([.. view.CorePermissions, .. view.ModulePermissions], [], await db.TenantOfAsync(role.TenantId, cancellationToken))
            ? role
            : throw new ApiException(IdentityErrors.RoleHoldsMore);
    }

    private static IQueryable<CustomRole> Managed(PlatformDb db, Caller caller)
    {
        var tenants = db.Tenants.Within(caller, Permissions.ManageUsers);
        return db.CustomRoles.Where(role => tenants.Any(tenant => tenant.Id == role.TenantId));
    }

    private static string[]? Core(Checks checks, string?[]? values) =>
        checks.Permissions("core_permissions", values, PermissionCatalogue.OfTenants, "is not a permission that a tenant can have.");

    private static string[]? OfModules(Checks checks, string?[]? values, PermissionCatalogue catalogue) =>
        checks.Permissions("module_permissions", values, catalogue.OfModules, "is not a permission of a module.");
}

/// <param name="Name">The name shown to people.</param>
/// <param name="Slug">Unique in the tenant; cannot be changed.</param>
/// <param name="Description">The description shown to people.</param>
/// <param name="CorePermissions">Core permissions, of those that a tenant can have.</param>
/// <param name="ModulePermissions">Permissions declared by modules.</param>
/// <param name="TenantId">The caller's tenant if omitted.</param>
public sealed record CreateCustomRole(
    string? Name, string? Slug, string? Description = null, string?[]? CorePermissions = null, string?[]? ModulePermissions = null, string? TenantId = null);

/// <summary>Omitted fields keep their values.</summary>
public sealed record UpdateCustomRole(
    string? Name = null, string? Slug = null, string? Description = null, string?[]? CorePermissions = null, string?[]? ModulePermissions = null);

internal sealed record CustomRoleView(
    string Id,
    string TenantId,
    string Name,
    string Slug,
    string Description,
    IReadOnlyList<string> CorePermissions,
    IReadOnlyList<string> ModulePermissions,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static CustomRoleView Of(CustomRole row) => new(
        row.Id,
        row.TenantId,
        row.Name,
        row.Slug,
        row.Description,
        JsonSerializer.Deserialize<string[]>(row.CorePermissions)!,
        JsonSerializer.Deserialize<string[]>(row.ModulePermissions)!,
        row.CreatedAt,
        row.UpdatedAt);
}
