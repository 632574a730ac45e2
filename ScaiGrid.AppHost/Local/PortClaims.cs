using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Ports that this AppHost has to itself, also while nobody listens on them yet: between the choice of a port and the moment when the mode listens
/// there lie seconds, in which another AppHost must not choose it too.
/// </summary>
/// <remarks>A claim is a UDP socket of the same number: the system gives it to one process, and takes it back when that ends, however it ends.</remarks>
internal sealed class PortClaims : IDisposable
{
    /// <summary>Below those that systems give to whoever asks for any: nobody comes by one of these by chance.</summary>
    private const int First = 28_000;
    private const int Last = 32_767;

    private readonly List<Socket> _held = [];

    /// <returns>False when another AppHost has it, or this one already.</returns>
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

    /// <summary>Holds a port on which nobody listens.</summary>
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
