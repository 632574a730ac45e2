using System.Collections.Frozen;
using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Identity;

/// <summary>Who makes a call. Immutable: one instance per credential lives in the snapshot and is shared by all its calls.</summary>
public sealed class Caller : IBindableFromHttpContext<Caller>
{
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

    /// <summary>The API key in use; null for a service token.</summary>
    public string? ApiKeyId { get; init; }

    /// <summary>The session that the call belongs to; null for any other credential.</summary>
    public string? SessionId { get; private set; }

    /// <summary>When the credential ends; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public bool IsSuperAdmin => Roles.Contains(Identity.Roles.SuperAdmin);

    public bool Has(string permission) => Permissions.Contains(permission);

    /// <summary>The same user, in a session.</summary>
    public Caller In(string sessionId)
    {
        var copy = (Caller)MemberwiseClone();
        copy.SessionId = sessionId;
        return copy;
    }

    /// <summary>Lets handlers take a <see cref="Caller"/> parameter.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<Caller>());
}
