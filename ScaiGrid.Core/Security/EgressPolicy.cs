using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Core.Security;

/// <summary>
/// Checks outbound addresses that users or operators configure (SSRF). The check is made when connecting, on the resolved address that is then
/// connected to, so that a name cannot change in between. Link-local and other addresses at which clouds serve metadata are never allowed.
/// </summary>
/// <param name="allowPrivate">Whether loopback and private ranges are allowed.</param>
public sealed class EgressPolicy(bool allowPrivate)
{
    /// <summary>Addresses at which clouds serve metadata and credentials to their machines, in addition to the link-local ones.</summary>
    private static readonly FrozenSet<IPAddress> Metadata = new[]
    {
        "100.100.100.200", "fd00:100::100:200", // Alibaba Cloud
        "168.63.129.16", // Azure
        "192.0.0.192", "fd00:c1::a9fe:a9fe", // Oracle Cloud
        "fd00:ec2::254", "fd00:ec2::23", // AWS
        "fd20:ce::254", // Google Cloud
        "fd00:42::42", // Scaleway
    }.Select(IPAddress.Parse).ToFrozenSet();

    /// <summary>For <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="HttpRequestException">No address of the host is allowed, or none answers.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellationToken);
        var allowed = Array.FindAll(addresses, IsAllowed);
        if (allowed.Length == 0)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, "The host's address is not allowed.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether a URL may be stored. An IP address in it is checked at once, so that the user gets an error early. A host name is checked each time
    /// a connection is made.
    /// </summary>
    public bool IsAllowed(Uri url) => !IPAddress.TryParse(url.DnsSafeHost, out var address) || IsAllowed(address);

    public bool IsAllowed(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }
        else if (address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0)
        {
            // Without its zone, because an address with a zone is not equal to the same address without one.
            address = new IPAddress(address.GetAddressBytes());
        }

        if (Embedded(address) is { } inner)
        {
            return IsAllowed(inner);
        }

        var isV4 = address.AddressFamily == AddressFamily.InterNetwork;
        var bytes = address.GetAddressBytes();
        var never = isV4
            ? bytes[0] == 0 || (bytes[0] == 169 && bytes[1] == 254) || bytes[0] >= 224
            : address.IsIPv6LinkLocal || address.IsIPv6Multicast || address.Equals(IPAddress.IPv6Any);
        if (never || Metadata.Contains(address))
        {
            return false;
        }

        var isPrivate = IPAddress.IsLoopback(address)
            || (isV4
                ? bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xF0) == 16) || (bytes[0] == 192 && bytes[1] == 168)
                    || (bytes[0] == 100 && (bytes[1] & 0xC0) == 64)
                    || (bytes[0] == 192 && bytes[1] == 0 && bytes[2] == 0)
                    || (bytes[0] == 198 && (bytes[1] & 0xFE) == 18)
                : address.IsIPv6UniqueLocal || address.IsIPv6SiteLocal || IsLocalNat64(bytes));
        return (allowPrivate || !isPrivate) && (!IsLocalNat64(bytes) || IsAllowed(new IPAddress(bytes.AsSpan(12))));
    }

    // NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses are routed to the IPv4 address inside them.
    private static IPAddress? Embedded(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return null;
        }

        var bytes = address.GetAddressBytes().AsSpan();
        return bytes[..12].SequenceEqual((ReadOnlySpan<byte>)[0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) ? new IPAddress(bytes[12..])
            : bytes is [0x20, 0x02, ..] ? new IPAddress(bytes[2..6])
            : null;
    }

    // A local NAT64 prefix (64:ff9b:1::/48) is private; the address inside it is checked as well.
    private static bool IsLocalNat64(byte[] bytes) => bytes is [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, ..];
}
