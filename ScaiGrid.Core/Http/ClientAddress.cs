using System.Net;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Http;

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
