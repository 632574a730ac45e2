using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The issuers whose tokens are a way in: the configured one by the standard's layout, or ScaiKey's platform issuer and one for each
/// tenant by ScaiKey's. Which of the two layouts it is, the address itself tells.
/// </summary>
internal sealed class IssuerDirectory(
    PlatformIssuer platform, ScaiKeyOptions options, IssuerHttp http, SnapshotStore snapshots, TimeProvider time, ILogger<Issuer> logger) : IDisposable
{
    private const string TenantsPath = "/api/v1/auth/tenants/";

    private readonly string _base = options.Issuer?.AbsoluteUri.TrimEnd('/') ?? "";
    private readonly ConcurrentDictionary<string, Issuer> _tenants = new(StringComparer.Ordinal);

    /// <summary>The issuer that a token names; null when it is none of ours.</summary>
    /// <param name="name">The token's <c>iss</c>, which nobody has checked yet.</param>
    /// <param name="tenantSlug">Set when it is one tenant's: it speaks for that tenant's users only.</param>
    public Issuer? Find(string name, out string? tenantSlug)
    {
        tenantSlug = null;
        if (name.StartsWith(_base + TenantsPath, StringComparison.Ordinal))
        {
            // Of tenants that exist only: whoever makes up slugs causes neither calls nor entries.
            var slug = name[(_base.Length + TenantsPath.Length)..].TrimEnd('/');
            tenantSlug = slug;
            return snapshots.Current.TenantSlugs.Contains(slug) ? Of(slug) : null;
        }

        return platform.Issuer;
    }

    /// <summary>The issuer that a tenant's users sign in with: their own where ScaiKey has one, else the installation's.</summary>
    public async ValueTask<(Issuer Issuer, IssuerState State)> ForTenantAsync(string slug, CancellationToken cancellationToken)
    {
        var state = await platform.Issuer.GetAsync(cancellationToken);
        if (state.Address.Base is null)
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

    public void Dispose()
    {
        foreach (var issuer in _tenants.Values)
        {
            issuer.Dispose();
        }
    }

    private Issuer Of(string slug) =>
        _tenants.GetOrAdd(slug, slug => new Issuer([IssuerAddress.Below(_base + TenantsPath + Uri.EscapeDataString(slug))], http, time, logger));
}
