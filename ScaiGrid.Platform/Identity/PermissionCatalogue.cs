using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Identity;

/// <summary>All permissions, of the core and of modules, and the permissions of each role.</summary>
internal sealed class PermissionCatalogue(IEnumerable<LoadedModule> modules)
{
    private static readonly string[] HoldAllOfModules = [Roles.SuperAdmin, Roles.PartnerAdmin, Roles.TenantAdmin];

    private readonly FrozenSet<string> _forViewers =
        [.. modules.SelectMany(module => module.Module.Manifest.Permissions).Where(permission => permission.ForViewers).Select(permission => permission.Key)];

    /// <summary>The permissions declared by modules.</summary>
    public FrozenSet<string> OfModules { get; } = [.. modules.SelectMany(module => module.Module.Manifest.Permissions).Select(permission => permission.Key)];

    /// <summary>The core permissions that a tenant can have, and that a custom role may contain.</summary>
    public static FrozenSet<string> OfTenants => Roles.Holds[Roles.TenantAdmin];

    public FrozenSet<string> Of(IEnumerable<string> roles)
    {
        var held = roles.ToList();
        IEnumerable<string> ofModules = held.Exists(HoldAllOfModules.Contains) ? OfModules : held.Contains(Roles.TenantViewer) ? _forViewers : [];
        return [.. Roles.PermissionsOf(held), .. ofModules];
    }
}
