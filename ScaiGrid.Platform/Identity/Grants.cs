using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>What one user holds, and through what.</summary>
/// <param name="Assigned">Built-in roles of their own.</param>
/// <param name="FromGroups">Built-in roles that their groups carry, as long as they are members.</param>
/// <param name="CustomRoleIds">Custom roles.</param>
/// <param name="ModulePermissions">Modules' permissions of their own.</param>
internal sealed record UserGrants(
    IReadOnlyList<string> Assigned, IReadOnlyList<string> FromGroups, IReadOnlyList<string> CustomRoleIds, IReadOnlyList<string> ModulePermissions)
{
    /// <summary>All built-in roles.</summary>
    public required FrozenSet<string> Roles { get; init; }

    /// <summary>All that comes of it.</summary>
    public required FrozenSet<string> Permissions { get; init; }
}

/// <summary>What users hold, made of their roles, groups and permissions.</summary>
internal sealed class Grants(PermissionCatalogue catalogue, GrantSource source)
{
    // Users by the thousand hold the same few sets of roles: they share the sets and what these grant.
    private readonly Dictionary<string, UserGrants> _known = [];

    /// <summary>Reads the grants of a set of users with one query a table, whatever their number.</summary>
    /// <param name="db">Where they are.</param>
    /// <param name="users">Whose.</param>
    /// <param name="tenantId">The users' tenant.</param>
    /// <param name="catalogue">What roles hold.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<Grants> ReadAsync(
        PlatformDb db, IQueryable<User> users, string tenantId, PermissionCatalogue catalogue, CancellationToken cancellationToken) =>
        new(catalogue, (await GrantRows.ReadAsync(db, users, tenantId, cancellationToken)).ToSource());

    public static async Task<UserGrants> OfAsync(PlatformDb db, User user, PermissionCatalogue catalogue, CancellationToken cancellationToken) =>
        (await ReadAsync(db, db.Users.Where(row => row.Id == user.Id), user.TenantId, catalogue, cancellationToken)).Of(user.Id);

    public UserGrants Of(string userId)
    {
        string[] assigned = [.. source.Roles(userId).Order(StringComparer.Ordinal)];
        string[] fromGroups = [.. source.Groups(userId).SelectMany(source.GroupRoles.Of).Distinct().Order(StringComparer.Ordinal)];
        string[] customRoles = [.. source.CustomRoles(userId).Order(StringComparer.Ordinal)];
        string[] modulePermissions = [.. source.ModulePermissions(userId).Order(StringComparer.Ordinal)];
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

    // What was in a role when it was made may be more than a tenant can have today, or a permission of a module that is gone.
    private string[] PermissionsOf(CustomRole role) =>
    [
        .. JsonSerializer.Deserialize<string[]>(role.CorePermissions)!.Where(PermissionCatalogue.OfTenants.Contains),
        .. JsonSerializer.Deserialize<string[]>(role.ModulePermissions)!.Where(catalogue.OfModules.Contains),
    ];
}

/// <summary>Where <see cref="Grants"/> come from.</summary>
/// <param name="Roles">Built-in roles of a user.</param>
/// <param name="CustomRoles">Ids of custom roles of a user.</param>
/// <param name="ModulePermissions">Modules' permissions of a user.</param>
/// <param name="Groups">Ids of the groups that a user is directly in.</param>
/// <param name="GroupRoles">Roles that groups carry.</param>
/// <param name="CustomRole">A custom role by id; null when it is gone.</param>
internal sealed record GrantSource(
    Func<string, IEnumerable<string>> Roles,
    Func<string, IEnumerable<string>> CustomRoles,
    Func<string, IEnumerable<string>> ModulePermissions,
    Func<string, IEnumerable<string>> Groups,
    GroupRoles GroupRoles,
    Func<string, CustomRole?> CustomRole);
