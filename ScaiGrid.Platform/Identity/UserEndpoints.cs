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
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>Users of one tenant: the caller's, or another one within the caller's reach.</summary>
internal static class UserEndpoints
{
    public static void MapUsers(this IEndpointRouteBuilder group)
    {
        group.MapGet("/users", List).RequirePermission(Permissions.ManageUsers)
            .WithName("ListUsers").WithSummary("The tenant's users, newest first; deleted ones only with status=deleted.");
        group.MapPost("/users", Create).RequirePermission(Permissions.ManageUsers).Audited("user.create", "user")
            .WithName("CreateUser").WithSummary("Adds a local user or service account.");
        group.MapGet("/users/{id}", Get).RequirePermission(Permissions.ManageUsers)
            .WithName("GetUser").WithSummary("One user.");
        group.MapPut("/users/{id}", Update).RequirePermission(Permissions.ManageUsers).Audited("user.update", "user")
            .WithName("UpdateUser").WithSummary("Changes what is given; a suspended user's keys and calls end at once.");
        group.MapDelete("/users/{id}", Delete).RequirePermission(Permissions.ManageUsers).Audited("user.delete", "user")
            .WithName("DeleteUser").WithSummary("Ends a user's access for good: keys are revoked, roles taken away. What they used stays accounted.");
        group.MapPut("/users/{id}/roles", UserGrantHandlers.PutRoles).RequirePermission(Permissions.ManageUsers).Audited("user.role_update", "user")
            .WithName("PutUserRoles").WithSummary("Replaces a user's roles.");
        group.MapGet("/users/{id}/module-permissions", UserGrantHandlers.GetModulePermissions).RequirePermission(Permissions.ManageUsers)
            .WithName("GetUserModulePermissions").WithSummary("The modules' permissions that a user has besides those of their roles.");
        group.MapPut("/users/{id}/module-permissions", UserGrantHandlers.PutModulePermissions)
            .RequirePermission(Permissions.ManageUsers).Audited("user.module_permission_update", "user")
            .WithName("PutUserModulePermissions").WithSummary("Replaces the modules' permissions that a user has besides those of their roles.");
    }

    private static async Task<Ok<PageEnvelope<UserView>>> List(
        [AsParameters] PageQuery query,
        [FromQuery(Name = "tenant_id")] string? tenantId,
        string? status,
        Caller caller,
        PlatformDb db,
        PermissionCatalogue catalogue,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        checks.OneOf("status", status, "", UserStatus.Active, UserStatus.Suspended, UserStatus.Deleted);
        checks.ThrowIfAny();
        var tenant = await db.TenantAsync(tenantId, caller, Permissions.ManageUsers, cancellationToken);
        var page = await db.ByIndex<User>(status is null ? "ix_users_tenant" : "ix_users_tenant_status").AsNoTracking()
            .Where(user => user.TenantId == tenant.Id)
            .Where(user => status == null ? user.Status != UserStatus.Deleted : user.Status == status)
            .NewestAsync(query, Ids.User, user => user.Id, cancellationToken);
        var ids = page.Rows.ConvertAll(user => user.Id);
        var grants = await Grants.ReadAsync(db, db.Users.Where(user => ids.Contains(user.Id)), tenant.Id, catalogue, cancellationToken);
        return page.As(user => UserView.Of(user, grants.Of(user.Id)));
    }

    private static async Task<Results<Ok<Envelope<UserView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, PermissionCatalogue catalogue, CancellationToken cancellationToken)
    {
        var user = await db.Users.AsNoTracking().ManagedBy(db, caller).SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        return user is null
            ? Reply.Problem(CoreErrors.NotFound)
            : Reply.Ok(UserView.Of(user, await Grants.OfAsync(db, user, catalogue, cancellationToken)));
    }

    private static async Task<Results<Created<Envelope<UserView>>, ProblemResult>> Create(
        CreateUser body,
        Caller caller,
        PlatformDb db,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        TenantLimitOptions limits,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var email = checks.Email(body.Email);
        var name = string.IsNullOrWhiteSpace(body.DisplayName) ? email : checks.Text("display_name", body.DisplayName, UserChecks.NameLength)!;
        var externalId = checks.ExternalId(body.ExternalId);
        var roles = checks.Roles(body.Roles) ?? [];
        checks.ThrowIfAny();
        var tenant = await db.TenantAsync(body.TenantId, caller, Permissions.ManageUsers, cancellationToken);
        if (!caller.Covers(catalogue.Of(roles), [.. roles], tenant))
        {
            return Reply.Problem(IdentityErrors.GrantsMore);
        }

        var now = time.GetStoredNow();
        var user = new User
        {
            Id = Ids.New(Ids.User, time),
            TenantId = tenant.Id,
            ExternalId = externalId,
            Email = email,
            DisplayName = name,
            CreatedAt = now,
            UpdatedAt = now,
        };
        await RefuseIdOfOthersAsync(db, user, caller, cancellationToken);
        if (await ScaiKeyDirectory.ShutsOutAsync(db, externalId, cancellationToken))
        {
            throw new ApiException(IdentityErrors.ShutOutByScaiKey);
        }

        await databases.TransactAsync(
            async (work, token) =>
            {
                var others = work.Users.Where(other => other.TenantId == user.TenantId && other.Status != UserStatus.Deleted);
                await work.ThrowIfFullAsync(user.TenantId, others, limits.UsersPerTenant, IdentityErrors.TooManyUsers, token);
                work.Users.Add(user);
                work.UserRoles.AddRange(roles.Select(role => new UserRole { UserId = user.Id, Role = role }));
                await SaveAsync(work, user, token);
            },
            cancellationToken);
        return Reply.Created($"/v1/users/{user.Id}", UserView.Of(user, await Grants.OfAsync(db, user, catalogue, cancellationToken)));
    }

    private static async Task<Results<Ok<Envelope<UserView>>, ProblemResult>> Update(
        string id, UpdateUser body, Caller caller, PlatformDb db, PermissionCatalogue catalogue, TimeProvider time, CancellationToken cancellationToken)
    {
        var (user, grants) = await db.CoveredUserAsync(id, caller, catalogue, cancellationToken);
        var checks = new Checks();
        user.Email = body.Email is null ? user.Email : checks.Email(body.Email);
        user.DisplayName = body.DisplayName is null ? user.DisplayName : checks.Required("display_name", body.DisplayName, UserChecks.NameLength);
        user.ExternalId = checks.ExternalId(body.ExternalId.Or(user.ExternalId));
        user.Status = checks.OneOf("status", body.Status, user.Status, UserStatus.Active, UserStatus.Suspended);
        checks.ThrowIfAny();
        if (user.Status == UserStatus.Suspended && user.Id == caller.UserId)
        {
            return Reply.Problem(IdentityErrors.OneSelf);
        }

        if (db.Entry(user).Property(row => row.ExternalId).IsModified)
        {
            await RefuseIdOfOthersAsync(db, user, caller, cancellationToken);
        }

        var entry = db.Entry(user);
        if (user.Status == UserStatus.Active && (entry.Property(row => row.Status).IsModified || entry.Property(row => row.ExternalId).IsModified)
            && await ScaiKeyDirectory.ShutsOutAsync(db, user.ExternalId, cancellationToken))
        {
            return Reply.Problem(IdentityErrors.ShutOutByScaiKey);
        }

        user.UpdatedAt = time.GetStoredNow();
        await SaveAsync(db, user, cancellationToken);
        return Reply.Ok(UserView.Of(user, grants));
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, PlatformDb db, PermissionCatalogue catalogue, UserDirectory directory, CancellationToken cancellationToken)
    {
        var (user, _) = await db.CoveredUserAsync(id, caller, catalogue, cancellationToken);
        if (user.Id == caller.UserId)
        {
            return Reply.Problem(IdentityErrors.OneSelf);
        }

        await directory.DeleteUserAsync(db, user, cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>
    /// If the issuer's tokens name no tenant, a subject that exists in two tenants matches neither: the manager of one tenant must not be able to lock
    /// out users of another one by using their external ids.
    /// </summary>
    private static async Task RefuseIdOfOthersAsync(PlatformDb db, User user, Caller caller, CancellationToken cancellationToken)
    {
        if (user.ExternalId is not null && caller.ReachOf(Permissions.ManageUsers) != Reach.Grid && await db.Users.AnyAsync(
            other => other.ExternalId == user.ExternalId && other.TenantId != user.TenantId && other.Status != UserStatus.Deleted, cancellationToken))
        {
            throw new ApiException(IdentityErrors.ExternalIdElsewhere);
        }
    }

    private static async Task SaveAsync(PlatformDb db, User user, CancellationToken cancellationToken)
    {
        // Two unique keys are possible; this determines only the error's text.
        var externalIdTaken = user.ExternalId is not null && await db.Users.AnyAsync(
            other => other.TenantId == user.TenantId && other.ExternalId == user.ExternalId && other.Id != user.Id, cancellationToken);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: externalIdTaken ? IdentityErrors.ExternalIdTaken : IdentityErrors.EmailTaken);
    }
}

/// <param name="Email">Unique in the tenant.</param>
/// <param name="DisplayName">The name shown to people; the e-mail address if omitted.</param>
/// <param name="TenantId">The caller's tenant if omitted.</param>
/// <param name="Roles">Built-in roles; the caller must have all of their permissions.</param>
/// <param name="ExternalId">The id of the user at the tenant's identity provider, required for sign-in.</param>
public sealed record CreateUser(
    string? Email, string? DisplayName = null, string? TenantId = null, string?[]? Roles = null, string? ExternalId = null);

/// <summary>Omitted fields keep their values; <c>null</c> removes the external id.</summary>
public sealed record UpdateUser(string? Email = null, string? DisplayName = null, string? Status = null)
{
    public Optional<string> ExternalId { get; init; }
}

/// <param name="Id">usr_…</param>
/// <param name="TenantId">The user's tenant.</param>
/// <param name="Email">In lower case.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Status">active, suspended or deleted.</param>
/// <param name="Roles">Built-in roles assigned to the user.</param>
/// <param name="GroupRoles">Built-in roles of the user's groups.</param>
/// <param name="CustomRoleIds">Custom roles of the tenant.</param>
/// <param name="ExternalId">The identity provider's id.</param>
/// <param name="CreatedAt">When the user was created.</param>
/// <param name="UpdatedAt">When the user was last changed.</param>
internal sealed record UserView(
    string Id,
    string TenantId,
    string Email,
    string DisplayName,
    string Status,
    IReadOnlyList<string> Roles,
    IReadOnlyList<string> GroupRoles,
    IReadOnlyList<string> CustomRoleIds,
    string? ExternalId,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static UserView Of(User user, UserGrants grants) => new(
        user.Id,
        user.TenantId,
        user.Email,
        user.DisplayName,
        user.Status,
        grants.Assigned,
        grants.FromGroups,
        grants.CustomRoleIds,
        user.ExternalId,
        user.CreatedAt,
        user.UpdatedAt);
}
