using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// Loopback ports that nobody listens on. They are below those that the system gives to whoever asks for any, so that nobody comes before the
/// process that is told of one; and each run of the tests has a thousand of its own.
/// </summary>
public static class FreePort
{
    private const int First = 10_000;
    private const int Each = 1000;
    private const int Runs = 10;

    // Held for as long as this run lives.
    private static readonly TcpListener Claim = Claimed();
    private static int _last;

    public static int Next()
    {
        var own = ((IPEndPoint)Claim.LocalEndpoint).Port;
        while (true)
        {
            var port = own + 1 + ((Interlocked.Increment(ref _last) - 1) % (Each - 1));
            if (TryListen(port) is { } listener)
            {
                listener.Dispose();
                return port;
            }
        }
    }

    private static TcpListener Claimed() =>
        Enumerable.Range(0, Runs).Select(run => TryListen(First + (run * Each))).FirstOrDefault(listener => listener is not null)
        ?? throw new InvalidOperationException("Too many runs of the tests at a time: each has ports of its own.");

    private static TcpListener? TryListen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return null;
        }
    }
}
