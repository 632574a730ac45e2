using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Changes a user's roles and permissions. A change is made in a transaction and checked by its result: the caller must have everything that the
/// user had before and would have after it, or it is rolled back.
/// </summary>
internal static class UserGrantHandlers
{
    public static Task<Ok<Envelope<UserView>>> PutRoles(
        string id,
        PutUserRoles body,
        Caller caller,
        AuditEntry audit,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        CancellationToken cancellationToken)
    {
        return ChangeAsync(id, caller, audit, databases, catalogue, Replace, (user, grants) => Reply.Ok(UserView.Of(user, grants)), cancellationToken);

        async Task Replace(PlatformDb db, User user, CancellationToken token)
        {
            var checks = new Checks();
            var roles = checks.Roles(body.Roles);
            var customRoleIds = checks.Words("custom_role_ids", body.CustomRoleIds);
            checks.ThrowIfAny();
            if (roles is not null)
            {
                db.UserRoles.RemoveRange(await db.UserRoles.Where(role => role.UserId == user.Id && !roles.Contains(role.Role)).ToListAsync(token));
                var held = await db.UserRoles.Where(role => role.UserId == user.Id).Select(role => role.Role).ToListAsync(token);
                db.UserRoles.AddRange(roles.Except(held).Select(role => new UserRole { UserId = user.Id, Role = role }));
            }

            if (customRoleIds is not null)
            {
                var known = await db.CustomRoles.Where(role => role.TenantId == user.TenantId && customRoleIds.Contains(role.Id)).CountAsync(token);
                if (known != customRoleIds.Length)
                {
                    throw new ApiException(Problem.Invalid("custom_role_ids", "names a role that the user's tenant does not have."));
                }

                db.UserCustomRoles.RemoveRange(await db.UserCustomRoles.Where(role => role.UserId == user.Id && !customRoleIds.Contains(role.CustomRoleId)).ToListAsync(token));
                var held = await db.UserCustomRoles.Where(role => role.UserId == user.Id).Select(role => role.CustomRoleId).ToListAsync(token);
                db.UserCustomRoles.AddRange(customRoleIds.Except(held).Select(role => new UserCustomRole { UserId = user.Id, CustomRoleId = role }));
            }
        }
    }

    public static async Task<Results<Ok<Envelope<UserModulePermissionsView>>, ProblemResult>> GetModulePermissions(
        string id, Caller caller, PlatformDb db, PermissionCatalogue catalogue, CancellationToken cancellationToken)
    {
        var user = await db.Users.AsNoTracking().ManagedBy(db, caller).SingleOrDefaultAsync(row => row.Id == id, cancellationToken);
        return user is null
            ? Reply.Problem(CoreErrors.NotFound)
            : Reply.Ok(new UserModulePermissionsView((await Grants.OfAsync(db, user, catalogue, cancellationToken)).ModulePermissions));
    }

    public static Task<Ok<Envelope<UserModulePermissionsView>>> PutModulePermissions(
        string id,
        PutUserModulePermissions body,
        Caller caller,
        AuditEntry audit,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        CancellationToken cancellationToken)
    {
        return ChangeAsync(
            id, caller, audit, databases, catalogue, Replace, (_, grants) => Reply.Ok(new UserModulePermissionsView(grants.ModulePermissions)), cancellationToken);

        async Task Replace(PlatformDb db, User user, CancellationToken token)
        {
            var checks = new Checks();
            var permissions = checks.Permissions("permissions", body.Permissions, catalogue.OfModules, "is not a permission of a module.");
            if (permissions is null)
            {
                checks.Add("permissions", "is required.");
            }

            checks.ThrowIfAny();
            var held = await db.UserModulePermissions.Where(grant => grant.UserId == user.Id).ToListAsync(token);
            db.UserModulePermissions.RemoveRange(held.Where(grant => !permissions!.Contains(grant.Permission)));
            db.UserModulePermissions.AddRange(
                permissions!.Except(held.Select(grant => grant.Permission)).Select(permission => new UserModulePermission { UserId = user.Id, Permission = permission }));
        }
    }

    /// <summary>Finds a user whom the caller may change, because the caller has everything that the user has.</summary>
    /// <exception cref="ApiException">There is no such user within the caller's reach, or the user has more.</exception>
    public static async Task<(User User, UserGrants Grants)> CoveredUserAsync(
        this PlatformDb db, string id, Caller caller, PermissionCatalogue catalogue, CancellationToken cancellationToken)
    {
        var user = await db.Users.ManagedBy(db, caller).SingleOrDefaultAsync(row => row.Id == id, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        var grants = await Grants.OfAsync(db, user, catalogue, cancellationToken);
        var tenant = await db.TenantOfAsync(user.TenantId, cancellationToken);
        return caller.Covers(grants, tenant) ? (user, grants) : throw new ApiException(IdentityErrors.HoldsMore);
    }

    private static Task<T> ChangeAsync<T>(
        string id,
        Caller caller,
        AuditEntry audit,
        IDbContextFactory<PlatformDb> databases,
        PermissionCatalogue catalogue,
        Func<PlatformDb, User, CancellationToken, Task> change,
        Func<User, UserGrants, T> answer,
        CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, token) =>
        {
            var (user, _) = await db.CoveredUserAsync(id, caller, catalogue, token);
            if (user.Id == caller.UserId)
            {
                throw new ApiException(IdentityErrors.OneSelf);
            }

            await change(db, user, token);
            await db.SaveChangesAsync(token);
            var after = await Grants.OfAsync(db, user, catalogue, token);
            var tenant = await db.TenantOfAsync(user.TenantId, token);
            if (!caller.Covers(after, tenant))
            {
                throw new ApiException(IdentityErrors.GrantsMore);
            }

            // The changed rows have no tenant of their own.
            audit.TenantId = user.TenantId;
            return answer(user, after);
        },
        cancellationToken);
}

/// <summary>Omitted fields keep their values.</summary>
/// <param name="Roles">Built-in roles.</param>
/// <param name="CustomRoleIds">Custom roles of the user's tenant.</param>
public sealed record PutUserRoles(string?[]? Roles = null, string?[]? CustomRoleIds = null);

/// <param name="Permissions">Permissions declared by modules.</param>
public sealed record PutUserModulePermissions(string?[]? Permissions);

internal sealed record UserModulePermissionsView(IReadOnlyList<string> Permissions);
