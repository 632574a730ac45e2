using Microsoft.Extensions.Logging;

namespace ScaiGrid.Platform.Auth;

/// <summary>The issuer of the installation: found at the standard path below its address, or at ScaiKey's path.</summary>
internal sealed class PlatformIssuer(ScaiKeyOptions options, IssuerHttp http, TimeProvider time, ILogger<Issuer> logger)
{
    private const string ScaiKeyPath = "/api/v1/platform/oauth";

    private readonly Lazy<Issuer> _issuer = new(() =>
    {
        var address = options.Issuer!.AbsoluteUri;
        return new Issuer([IssuerAddress.Below(address), IssuerAddress.Below(address.TrimEnd('/') + ScaiKeyPath, address)], options, http, time, logger);
    });

    public Issuer Issuer => _issuer.Value;
}
