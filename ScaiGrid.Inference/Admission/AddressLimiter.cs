using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Limits calls without valid credentials by client address, over all replicas, so that guessing keys is slow. An IPv6 client has 2^64
/// addresses, so its /64 network is counted instead.
/// </summary>
public sealed class AddressLimiter
{
    private const int NetworkBytes = 8;

    private readonly WindowLimiter _windows;
    private readonly AdmissionOptions _options;

    internal AddressLimiter(WindowLimiter windows, AdmissionOptions options) => (_windows, _options) = (windows, options);

    /// <returns>Seconds until the address may try again; null if the call may continue.</returns>
    public async ValueTask<int?> RetryAfterAsync(IPAddress? address)
    {
        if (_options.AddressRequests == 0 || address is null)
        {
            return null;
        }

        var name = NameOf(address);
        return (await _windows.CountAsync(name, "a", name, _options.AddressRequests))?.RetryAfterSeconds;
    }

    private static string NameOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[NetworkBytes..].Clear();
        return new IPAddress(bytes).ToString();
    }
}
