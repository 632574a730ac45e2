using System.Collections.Frozen;
using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Identity;

/// <summary>The authenticated caller. Immutable: the snapshot has one instance per credential, which all of its calls share.</summary>
public sealed class Caller : IBindableFromHttpContext<Caller>
{
    private Credential? _credential;

    public required string UserId { get; init; }

    public required string Email { get; init; }

    public required string DisplayName { get; init; }

    public required string TenantId { get; init; }

    /// <summary>The tenant's slug, as in the slugs of <c>tenant/{slug}/…</c> models.</summary>
    public required string TenantSlug { get; init; }

    public required string PartnerId { get; init; }

    public required string PartnerSlug { get; init; }

    public required FrozenSet<string> Roles { get; init; }

    public required FrozenSet<string> Permissions { get; init; }

    /// <summary>Ids of the user's groups, including nested ones; a call counts against their budgets.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>The API key in use; null for a service token.</summary>
    public string? ApiKeyId { get; init; }

    /// <summary>Whether the API key is restricted to some of the user's permissions.</summary>
    public bool IsScoped { get; init; }

    /// <summary>The call's session; null for any other credential.</summary>
    public string? SessionId { get; private set; }

    /// <summary>The credential in use; null for one that is never revoked, such as a service token.</summary>
    public Credential? Credential
    {
        get => _credential;
        init => _credential = value;
    }

    /// <summary>When the credential expires; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Set only on a copy made for one call, see <see cref="On"/>.</summary>
    public CallTerms? Terms { get; private set; }

    /// <summary>A super admin with all of the role's permissions: an API key with scopes does not qualify.</summary>
    public bool IsSuperAdmin => Roles.Contains(Identity.Roles.SuperAdmin) && Permissions.IsSupersetOf(Identity.Permissions.All);

    /// <summary>Cancelled when the credential is revoked, or its user or tenant suspended. Long-running work must stop then.</summary>
    public CancellationToken Revoked => Credential?.Revoked ?? CancellationToken.None;

    public bool Has(string permission) => Permissions.Contains(permission);

    /// <summary>The same user in a session; the session's credential ends together with the user's.</summary>
    public Caller In(string sessionId, Credential credential)
    {
        var copy = (Caller)MemberwiseClone();
        (copy.SessionId, copy._credential) = (sessionId, credential);
        return copy;
    }

    /// <summary>How far the caller's permission reaches; null if the caller does not have it.</summary>
    public Reach? ReachOf(string permission) => Has(permission) ? Identity.Roles.ReachOf(Roles, permission) : null;

    /// <summary>Whether the caller has a permission for a tenant, or for <paramref name="reach"/> around that tenant.</summary>
    public bool Covers(string permission, Reach reach, string tenantId, string partnerId) => ReachOf(permission) switch
    {
        Reach.Grid => true,
        Reach.Partner => reach <= Reach.Partner && partnerId == PartnerId,
        Reach.Tenant => reach == Reach.Tenant && tenantId == TenantId,
        _ => false,
    };

    /// <summary>A copy for one call with billing terms of its own.</summary>
    public Caller On(CallTerms terms)
    {
        var copy = (Caller)MemberwiseClone();
        copy.Terms = terms;
        return copy;
    }

    /// <summary>Lets handlers take a <see cref="Caller"/> parameter.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<Caller>());
}
