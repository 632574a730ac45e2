using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>Computes users' permissions from their roles, groups and direct grants.</summary>
internal sealed class Grants(PermissionCatalogue catalogue, GrantSource source)
{
    // Thousands of users have the same few sets of roles: they share the sets and the resulting permissions.
    private readonly Dictionary<string, UserGrants> _known = [];

    /// <summary>Reads the grants of a set of users with one query per table, whatever their number.</summary>
    /// <param name="db">The database.</param>
    /// <param name="users">The users.</param>
    /// <param name="tenantId">The users' tenant.</param>
    /// <param name="catalogue">The permissions of roles.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    public static async Task<Grants> ReadAsync(
        PlatformDb db, IQueryable<User> users, string tenantId, PermissionCatalogue catalogue, CancellationToken cancellationToken) =>
        new(catalogue, (await GrantRows.ReadAsync(db, users, tenantId, cancellationToken)).ToSource());

    public static async Task<UserGrants> OfAsync(PlatformDb db, User user, PermissionCatalogue catalogue, CancellationToken cancellationToken) =>
        (await ReadAsync(db, db.Users.Where(row => row.Id == user.Id), user.TenantId, catalogue, cancellationToken)).Of(user.Id);

    public UserGrants Of(string userId)
    {
        var assigned = Sorted(source.Roles(userId));
        var fromGroups = Sorted(source.Groups(userId).SelectMany(source.GroupRoles.Of).Distinct());
        var customRoles = Sorted(source.CustomRoles(userId));
        var modulePermissions = Sorted(source.ModulePermissions(userId));
        var name = string.Join('\n', string.Join(' ', assigned), string.Join(' ', fromGroups), string.Join(' ', customRoles), string.Join(' ', modulePermissions));
        if (!_known.TryGetValue(name, out var grants))
        {
            FrozenSet<string> roles = [.. assigned, .. fromGroups];
            _known[name] = grants = new UserGrants(assigned, fromGroups, customRoles, modulePermissions)
            {
                Roles = roles,
                Permissions =
                [
                    .. catalogue.Of(roles),
                    .. customRoles.Select(source.CustomRole).OfType<CustomRole>().SelectMany(PermissionsOf),
                    .. modulePermissions.Where(catalogue.OfModules.Contains),
                ],
            };
        }

        return grants;
    }

    // Called for each user at each change of a snapshot; most have one role and nothing else.
    private static string[] Sorted(IEnumerable<string> names)
    {
        string[] sorted = [.. names];
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }

    // A stored role may contain permissions that a tenant can no longer have, or of a module that no longer exists.
    private string[] PermissionsOf(CustomRole role) =>
    [
        .. JsonSerializer.Deserialize<string[]>(role.CorePermissions)!.Where(PermissionCatalogue.OfTenants.Contains),
        .. JsonSerializer.Deserialize<string[]>(role.ModulePermissions)!.Where(catalogue.OfModules.Contains),
    ];
}

/// <summary>The sources of <see cref="Grants"/>.</summary>
/// <param name="Roles">Returns a user's built-in roles.</param>
/// <param name="CustomRoles">Returns the ids of a user's custom roles.</param>
/// <param name="ModulePermissions">Returns a user's module permissions.</param>
/// <param name="Groups">Returns the ids of the groups that a user is directly in.</param>
/// <param name="GroupRoles">The roles of groups.</param>
/// <param name="CustomRole">Returns a custom role by id; null if it no longer exists.</param>
internal sealed record GrantSource(
    Func<string, IEnumerable<string>> Roles,
    Func<string, IEnumerable<string>> CustomRoles,
    Func<string, IEnumerable<string>> ModulePermissions,
    Func<string, IEnumerable<string>> Groups,
    GroupRoles GroupRoles,
    Func<string, CustomRole?> CustomRole);
