using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Reserves ports for this AppHost before anything listens on them: seconds pass between the choice of a port and the moment when the mode listens
/// there, in which another AppHost must not choose it as well.
/// </summary>
/// <remarks>A claim is a UDP socket on the same port: the operating system gives it to one process, and releases it however that process ends.</remarks>
internal sealed class PortClaims : IDisposable
{
    /// <summary>Below the ephemeral ports of common systems, so that no other program gets one of these by chance.</summary>
    private const int First = 28_000;
    private const int Last = 32_767;

    private readonly List<Socket> _held = [];

    /// <returns>False if another AppHost, or this one, has already claimed it.</returns>
    public bool TryHold(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ExclusiveAddressUse = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            _held.Add(socket);
            return true;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return false;
        }
    }

    /// <summary>Claims a port on which nothing listens.</summary>
    public int Next()
    {
        for (var port = First; port <= Last; port++)
        {
            if (TryHold(port) && Ports.IsFree(port))
            {
                return port;
            }
        }

        throw new StartException($"No port from {First} to {Last} is free.", 1);
    }

    public void Dispose()
    {
        foreach (var socket in _held)
        {
            socket.Dispose();
        }
    }
}
