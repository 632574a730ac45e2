using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;

namespace ScaiGrid.Core.Identity;

/// <summary>The core permissions. Modules declare theirs in their manifest, prefixed with the module's id.</summary>
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

    /// <summary>The endpoint is for callers who hold <paramref name="permission"/>.</summary>
    /// <param name="builder">The endpoint.</param>
    /// <param name="permission">The permission.</param>
    /// <param name="reach">How far the caller must hold it, where their own tenant is not enough.</param>
    public static TBuilder RequirePermission<TBuilder>(this TBuilder builder, string permission, Reach reach = Reach.Tenant)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute(permission) { Reach = reach });

    /// <summary>The endpoint is for callers who hold one or more of <paramref name="permissions"/>; which of them says how much they see.</summary>
    public static TBuilder RequireAnyPermission<TBuilder>(this TBuilder builder, params string[] permissions)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute(permissions));

    /// <summary>The endpoint is for every authenticated caller; <paramref name="reason"/> says why no permission is needed.</summary>
    public static TBuilder RequireCaller<TBuilder>(this TBuilder builder, string reason)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AccessAttribute() { Reason = reason });
}

/// <summary>
/// Endpoint metadata: what a caller must hold. An endpoint without it and without <c>AllowAnonymous</c> is refused,
/// and fails a test. On gRPC methods it is written as an attribute.
/// </summary>
/// <param name="permissions">One of which is needed; none when being authenticated is enough.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AccessAttribute(params string[] permissions) : Attribute
{
    public IReadOnlyList<string> Permissions { get; } = permissions;

    /// <summary>How far the caller must hold it.</summary>
    public Reach Reach { get; init; }

    /// <summary>Why being authenticated is enough, where there is no permission.</summary>
    public string? Reason { get; init; }

    public bool Admits(Caller caller)
    {
        // Each call passes here: no closure, no enumerator.
        for (var i = 0; i < permissions.Length; i++)
        {
            if (caller.ReachOf(permissions[i]) >= Reach)
            {
                return true;
            }
        }

        return permissions.Length == 0;
    }
}
