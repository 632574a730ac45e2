using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace ScaiGrid.Platform.Auth;

/// <summary>A possible address of a discovery document, and the issuer that it must then name.</summary>
/// <param name="Issuer">The required issuer; a trailing slash is ignored.</param>
/// <param name="Discovery">The document's URL.</param>
/// <param name="Base">ScaiKey's own address, which its platform document may name instead.</param>
internal sealed record IssuerAddress(string Issuer, string Discovery, string? Base = null)
{
    private const string WellKnown = "/.well-known/openid-configuration";

    public static IssuerAddress Below(string issuer, string? scaiKey = null) => new(issuer.TrimEnd('/'), issuer.TrimEnd('/') + WellKnown, scaiKey?.TrimEnd('/'));

    /// <summary>
    /// Whether the document names this issuer (another issuer's tokens must not be accepted), and its endpoints are as safe as its own URL.
    /// </summary>
    public bool Vouches(OpenIdConnectConfiguration document)
    {
        var named = document.Issuer?.TrimEnd('/');
        return named is not null
            && (named == Issuer || named == Base)
            && new[] { document.JwksUri, document.TokenEndpoint, document.AuthorizationEndpoint }.All(endpoint => endpoint is null || IsAsSafe(endpoint))
            && document.JwksUri is not null;
    }

    private bool IsAsSafe(string endpoint) =>
        Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && Discovery.StartsWith("http://", StringComparison.OrdinalIgnoreCase)));
}
