using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;

namespace ScaiGrid.Core.Identity;

/// <summary>The core permissions. Modules declare theirs in their manifest, with the module's id as prefix.</summary>
public static class Permissions
{
    public const string ListModels = "models:list";
    public const string UseModels = "models:use";
    public const string ManageModels = "models:manage";
    public const string ViewRouting = "routing:view";
    public const string ManageRouting = "routing:manage";
    public const string ViewOwnAccounting = "accounting:view_own";
    public const string ViewTenantAccounting = "accounting:view_tenant";
    public const string ViewPartnerAccounting = "accounting:view_partner";
    public const string ManageBudgets = "accounting:manage_budgets";
    public const string ManageUsers = "users:manage";
    public const string ManageApiKeys = "api_keys:manage";
    public const string ManageWebhooks = "webhooks:manage";
    public const string UseModules = "modules:use";
    public const string ManageModules = "modules:manage";
    public const string Administer = "admin:access";

    public static readonly FrozenSet<string> All =
    [
        ListModels, UseModels, ManageModels, ViewRouting, ManageRouting, ViewOwnAccounting, ViewTenantAccounting, ViewPartnerAccounting,
        ManageBudgets, ManageUsers, ManageApiKeys, ManageWebhooks, UseModules, ManageModules, Administer,
    ];

    /// <summary>Requires <paramref name="permission"/> of the caller.</summary>
    /// <param name="builder">The endpoint.</param>
    /// <param name="permission">The permission.</param>
    /// <param name="reach">How far the permission must reach, if more than the caller's own tenant.</param>
    public static TBuilder RequirePermission<TBuilder>(this TBuilder builder, string permission, Reach reach = Reach.Tenant)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute(permission) { Reach = reach });

    /// <summary>Requires at least one of <paramref name="permissions"/>; which one determines how much the caller sees.</summary>
    public static TBuilder RequireAnyPermission<TBuilder>(this TBuilder builder, params string[] permissions)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute(permissions));

    /// <summary>Requires an authenticated caller only, for the given <paramref name="reason"/>.</summary>
    public static TBuilder RequireCaller<TBuilder>(this TBuilder builder, string reason)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute() { Reason = reason });
}
