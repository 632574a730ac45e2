using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Callers without an API key: service tokens, which may list and use models as <c>service:{name}</c> of the bootstrap tenant, and the bootstrap
/// super admin if authentication is disabled.
/// </summary>
internal sealed class InternalCallers(IdentityOptions options)
{
    /// <summary>What a service's user id begins with.</summary>
    public const string ServicePrefix = "service:";

    private static readonly FrozenSet<string> ServiceHolds = [Permissions.ListModels, Permissions.UseModels];

    private readonly (string Name, byte[] Hash)[] _tokens = [.. options.ServiceTokens.Select(entry => Hashed(IdentityOptions.Split(entry)))];

    private volatile HomeTenant? _home;
    private volatile FrozenDictionary<string, Caller> _services = FrozenDictionary<string, Caller>.Empty;

    /// <summary>Null until the snapshot is loaded, and in an installation without a super admin.</summary>
    public Caller? SuperAdmin => _home?.SuperAdmin;

    /// <summary>Whether the token is a service token. Its caller is null while the bootstrap tenant is not known.</summary>
    public bool TryFind(ReadOnlySpan<char> token, out Caller? caller)
    {
        caller = null;
        if (_tokens.Length == 0)
        {
            return false;
        }

        // All tokens are compared, and by their hashes, so that the time taken reveals nothing about them.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(token.ToArray()));
        string? found = null;
        foreach (var (name, expected) in _tokens)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, expected) ? name : found;
        }

        caller = found is null ? null : _services.GetValueOrDefault(found);
        return found is not null;
    }

    /// <summary>The service with this user id; null if it has no token any more.</summary>
    public Caller? FindService(string userId) =>
        userId.StartsWith(ServicePrefix, StringComparison.Ordinal) ? _services.GetValueOrDefault(userId[ServicePrefix.Length..]) : null;

    /// <summary>Called with each new snapshot.</summary>
    public void Move(HomeTenant? home)
    {
        _services = home is null
            ? FrozenDictionary<string, Caller>.Empty
            : _tokens.Select(token => token.Name).Distinct().ToFrozenDictionary(name => name, name => Service(name, home));
        _home = home;
    }

    private static Caller Service(string name, HomeTenant home) => new()
    {
        UserId = ServicePrefix + name,
        Email = "",
        DisplayName = name,
        TenantId = home.TenantId,
        TenantSlug = home.TenantSlug,
        PartnerId = home.PartnerId,
        PartnerSlug = home.PartnerSlug,
        Roles = FrozenSet<string>.Empty,
        Permissions = ServiceHolds,
    };

    private static (string Name, byte[] Hash) Hashed((string Name, string Token) entry) =>
        (entry.Name, SHA256.HashData(Encoding.UTF8.GetBytes(entry.Token)));
}

/// <summary>The tenant created by the bootstrap, in which the installation's own callers act.</summary>
/// <param name="TenantId">Id of tenant <see cref="Slug"/>.</param>
/// <param name="TenantSlug">See <see cref="Slug"/>.</param>
/// <param name="PartnerId">The tenant's partner.</param>
/// <param name="PartnerSlug">The partner's slug.</param>
/// <param name="SuperAdmin">Its oldest active super admin.</param>
internal sealed record HomeTenant(string TenantId, string TenantSlug, string PartnerId, string PartnerSlug, Caller? SuperAdmin)
{
    public const string Slug = "default";
}
