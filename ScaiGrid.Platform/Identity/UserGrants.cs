using System.Collections.Frozen;

namespace ScaiGrid.Platform.Identity;

/// <summary>The roles and permissions of one user, and where they come from.</summary>
/// <param name="Assigned">Built-in roles assigned to the user.</param>
/// <param name="FromGroups">Built-in roles of the user's groups, held as long as the user is a member.</param>
/// <param name="CustomRoleIds">Custom roles.</param>
/// <param name="ModulePermissions">Module permissions granted to the user directly.</param>
internal sealed record UserGrants(
    IReadOnlyList<string> Assigned, IReadOnlyList<string> FromGroups, IReadOnlyList<string> CustomRoleIds, IReadOnlyList<string> ModulePermissions)
{
    /// <summary>All built-in roles.</summary>
    public required FrozenSet<string> Roles { get; init; }

    /// <summary>All resulting permissions.</summary>
    public required FrozenSet<string> Permissions { get; init; }
}
