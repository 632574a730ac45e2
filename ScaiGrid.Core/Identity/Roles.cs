using System.Collections.Frozen;

namespace ScaiGrid.Core.Identity;

/// <summary>The built-in roles and their core permissions.</summary>
public static class Roles
{
    public const string SuperAdmin = "super_admin";
    public const string PartnerAdmin = "partner_admin";
    public const string PartnerViewer = "partner_viewer";
    public const string TenantAdmin = "tenant_admin";
    public const string TenantUser = "tenant_user";
    public const string TenantViewer = "tenant_viewer";

    private static readonly string[] TenantViewerHolds = [Permissions.ListModels, Permissions.ViewOwnAccounting];

    private static readonly string[] TenantUserHolds =
        [.. TenantViewerHolds, Permissions.UseModels, Permissions.ManageApiKeys, Permissions.UseModules];

    private static readonly string[] TenantAdminHolds =
    [
        .. TenantUserHolds, Permissions.ViewRouting, Permissions.ViewTenantAccounting, Permissions.ManageBudgets,
        Permissions.ManageUsers, Permissions.ManageWebhooks, Permissions.ManageModules, Permissions.Administer,
    ];

    private static readonly string[] PartnerViewerHolds =
        [Permissions.ListModels, Permissions.ViewOwnAccounting, Permissions.ViewTenantAccounting, Permissions.ViewPartnerAccounting];

    private static readonly string[] PartnerAdminHolds =
        [.. PartnerViewerHolds, Permissions.ManageBudgets, Permissions.ManageUsers, Permissions.Administer];

    /// <summary>Core permissions by role.</summary>
    public static readonly FrozenDictionary<string, FrozenSet<string>> Holds = new Dictionary<string, FrozenSet<string>>
    {
        [TenantViewer] = TenantViewerHolds.ToFrozenSet(),
        [TenantUser] = TenantUserHolds.ToFrozenSet(),
        [TenantAdmin] = TenantAdminHolds.ToFrozenSet(),
        [PartnerViewer] = PartnerViewerHolds.ToFrozenSet(),
        [PartnerAdmin] = PartnerAdminHolds.ToFrozenSet(),
        [SuperAdmin] = Permissions.All,
    }.ToFrozenDictionary();

    /// <summary>How far the roles extend a permission that the caller has, including module permissions.</summary>
    public static Reach ReachOf(FrozenSet<string> roles, string permission) =>
        roles.Contains(SuperAdmin) ? Reach.Grid
        : (roles.Contains(PartnerAdmin) && (Holds[PartnerAdmin].Contains(permission) || !Permissions.All.Contains(permission)))
            || (roles.Contains(PartnerViewer) && Holds[PartnerViewer].Contains(permission)) ? Reach.Partner
        : Reach.Tenant;

    public static FrozenSet<string> PermissionsOf(IEnumerable<string> roles) =>
        roles.SelectMany(role => Holds.GetValueOrDefault(role) ?? []).ToFrozenSet();
}
