using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;
using ScaiGrid.Core.Errors;

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

/// <summary>
/// Endpoint metadata: the permissions that a caller needs. An endpoint without it and without <c>AllowAnonymous</c> refuses all calls, and
/// fails a test. gRPC methods have it as an attribute.
/// </summary>
/// <param name="permissions">At least one is needed; empty if authentication is enough.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AccessAttribute(params string[] permissions) : Attribute
{
    public IReadOnlyList<string> Permissions { get; } = permissions;

    /// <summary>How far the permission must reach.</summary>
    public Reach Reach { get; init; }

    /// <summary>Why authentication is enough, if no permission is needed.</summary>
    public string? Reason { get; init; }

    /// <summary>For a caller that is not admitted: names what is needed.</summary>
    public Problem Refusal => new(
        CoreErrors.PermissionDenied,
        $"The caller lacks the permission {string.Join(" or ", permissions)}{Reach switch { Reach.Grid => " for the whole installation", Reach.Partner => " for all tenants of its partner", _ => "" }}, which this call needs.");

    public bool Admits(Caller caller)
    {
        // On the path of every call: no closure, no enumerator.
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
