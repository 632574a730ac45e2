using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.AspNetCore.Http;
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

/// <summary>
/// Computes a client's address; nothing else does. The header is used only if it comes from a trusted proxy, and only back to the first address
/// that is not trusted: anything to the left of it may be forged.
/// </summary>
public sealed class ClientAddress(ProxySettings settings)
{
    private const string Header = "X-Forwarded-For";

    // A real chain of proxies is shorter.
    private const int MaxHops = 16;

    private readonly IPNetwork[] _trusted = [.. settings.TrustedProxies.Select(entry => ProxySettings.TryParse(entry, out var network) ? network : default)];

    /// <summary>Null if the connection has no address (a Unix socket).</summary>
    public IPAddress? Of(HttpContext context)
    {
        var client = Plain(context.Connection.RemoteIpAddress);
        if (client is null || _trusted.Length == 0 || !IsTrusted(client))
        {
            return client;
        }

        var hops = context.Request.Headers[Header].SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)).ToArray();
        foreach (var hop in hops.Reverse().Take(MaxHops))
        {
            // Some proxies add the port.
            if (!IPEndPoint.TryParse(hop, out var endpoint) || Plain(endpoint.Address) is not { } address)
            {
                return client;
            }

            client = address;
            if (!IsTrusted(client))
            {
                return client;
            }
        }

        return client;
    }

    private bool IsTrusted(IPAddress address) => _trusted.Any(network => network.Contains(address));

    private static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
}
