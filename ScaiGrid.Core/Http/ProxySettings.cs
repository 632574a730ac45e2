using System.ComponentModel.DataAnnotations;
using System.Net;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Http;

/// <summary>The reverse proxies whose <c>X-Forwarded-For</c> is trusted.</summary>
public sealed class ProxySettings : IValidatableObject
{
    [Setting(
        "SCAIGRID_TRUSTED_PROXIES",
        "Comma list of addresses or networks (`10.0.0.0/8`) whose `X-Forwarded-For` tells the client's address. Without it the peer's own address counts.",
        DefaultText = "none")]
    public string[] TrustedProxies { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => TrustedProxies
        .Where(entry => !TryParse(entry, out _))
        .Select(entry => new ValidationResult($"'{entry}' is neither an IP address nor a network, such as 10.0.0.7 or 10.0.0.0/8.", [nameof(TrustedProxies)]));

    internal static bool TryParse(string entry, out IPNetwork network)
    {
        if (IPAddress.TryParse(entry, out var address))
        {
            network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
            return true;
        }

        return IPNetwork.TryParse(entry, out network);
    }
}
