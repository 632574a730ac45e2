using System.Collections.Frozen;
using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Identity;

/// <summary>Who makes a call. Immutable: one instance per credential lives in the snapshot and is shared by all its calls.</summary>
public sealed class Caller : IBindableFromHttpContext<Caller>
{
    private Credential? _credential;

    public required string UserId { get; init; }

    public required string Email { get; init; }

    public required string DisplayName { get; init; }

    public required string TenantId { get; init; }

    /// <summary>The tenant's slug, which <c>tenant/{slug}/…</c> models carry.</summary>
    public required string TenantSlug { get; init; }

    public required string PartnerId { get; init; }

    public required string PartnerSlug { get; init; }

    public required FrozenSet<string> Roles { get; init; }

    public required FrozenSet<string> Permissions { get; init; }

    /// <summary>Ids of the groups that the user is in, however deep: their use and their budgets count the call.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>The API key in use; null for a service token.</summary>
    public string? ApiKeyId { get; init; }

    /// <summary>The session that the call belongs to; null for any other credential.</summary>
    public string? SessionId { get; private set; }

    /// <summary>The life of the credential in use; null for one that lasts as long as the process, such as a service token.</summary>
    public Credential? Credential
    {
        get => _credential;
        init => _credential = value;
    }

    /// <summary>When the credential ends; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Set only on a copy made for one call, see <see cref="On"/>.</summary>
    public CallTerms? Terms { get; private set; }

    /// <summary>A super admin with all that the role holds: a key with scopes of its own makes no super admin.</summary>
    public bool IsSuperAdmin => Roles.Contains(Identity.Roles.SuperAdmin) && Permissions.IsSupersetOf(Identity.Permissions.All);

    /// <summary>Cancelled when the credential is revoked, or its user or tenant suspended. What runs for long must end with it.</summary>
    public CancellationToken Revoked => Credential?.Revoked ?? CancellationToken.None;

    public bool Has(string permission) => Permissions.Contains(permission);

    /// <summary>The same user, in a session, whose credential ends with the user's.</summary>
    public Caller In(string sessionId, Credential credential)
    {
        var copy = (Caller)MemberwiseClone();
        (copy.SessionId, copy._credential) = (sessionId, credential);
        return copy;
    }

    /// <summary>How far a permission goes; null when the caller does not hold it.</summary>
    public Reach? ReachOf(string permission) => Has(permission) ? Identity.Roles.ReachOf(Roles, permission) : null;

    /// <summary>Whether the caller holds a permission in a tenant, as far as <paramref name="reach"/> goes from there.</summary>
    public bool Covers(string permission, Reach reach, string tenantId, string partnerId) => ReachOf(permission) switch
    {
        Reach.Grid => true,
        Reach.Partner => reach <= Reach.Partner && partnerId == PartnerId,
        Reach.Tenant => reach == Reach.Tenant && tenantId == TenantId,
        _ => false,
    };

    /// <summary>The same caller, for one call on terms of its own.</summary>
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
