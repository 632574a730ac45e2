using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The issuers whose tokens are accepted: the configured one for a standard provider; for ScaiKey its platform issuer and one per tenant.
/// The issuer's address determines which of the two layouts is used.
/// </summary>
internal sealed class IssuerDirectory(
    PlatformIssuer platform, ScaiKeyOptions options, IssuerHttp http, SnapshotStore snapshots, TimeProvider time, ILogger<Issuer> logger)
{
    private const string TenantsPath = "/api/v1/auth/tenants/";

    private readonly string _base = options.Issuer?.AbsoluteUri.TrimEnd('/') ?? "";
    private readonly ConcurrentDictionary<string, Issuer> _tenants = new(StringComparer.Ordinal);

    /// <summary>Finds the issuer that a token names; null if it is not one of ours.</summary>
    /// <param name="name">The token's <c>iss</c>, not verified yet.</param>
    /// <param name="tenantId">Set for a tenant's own issuer: its tokens are valid for users of that tenant only.</param>
    public Issuer? Find(string name, out string? tenantId)
    {
        tenantId = null;
        if (name.StartsWith(_base + TenantsPath, StringComparison.Ordinal))
        {
            // Existing tenants only: invented slugs must not cause HTTP calls or entries.
            var slug = name[(_base.Length + TenantsPath.Length)..].TrimEnd('/');
            return snapshots.Current.IssuerTenants.TryGetValue(slug, out tenantId) ? Of(slug) : null;
        }

        return platform.Issuer;
    }

    /// <summary>The issuer for a tenant's sign-ins: the tenant's own if ScaiKey has one, otherwise the installation's.</summary>
    public async ValueTask<(Issuer Issuer, IssuerState State)> ForTenantAsync(string tenantId, CancellationToken cancellationToken)
    {
        var state = await platform.Issuer.GetAsync(cancellationToken);
        if (state.Address.Base is null || snapshots.Current.IssuerTenants.FirstOrDefault(pair => pair.Value == tenantId).Key is not { } slug)
        {
            return (platform.Issuer, state);
        }

        var tenant = Of(slug);
        try
        {
            return (tenant, await tenant.GetAsync(cancellationToken));
        }
        catch (IssuerAwayException)
        {
            return (platform.Issuer, state);
        }
    }

    private Issuer Of(string slug) =>
        _tenants.GetOrAdd(slug, slug => new Issuer([IssuerAddress.Below(_base + TenantsPath + Uri.EscapeDataString(slug))], options, http, time, logger));
}
