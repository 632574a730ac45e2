using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// Loopback ports that nobody listens on, each given once. They are below those that the system gives to whoever asks for any, so that nobody comes
/// before the process that is told of one; and each run of the tests has blocks of its own, of a thousand.
/// </summary>
public static class FreePort
{
    private const int First = 10_000;
    private const int Each = 1000;
    private const int Blocks = 18;

    private static readonly Lock Gate = new();

    // What listens on a block's first port claims the rest of it, for as long as this run lives.
    private static readonly List<TcpListener> Claims = [];
    private static int _next;
    private static int _end;

    public static int Next()
    {
        lock (Gate)
        {
            while (true)
            {
                if (_next == _end)
                {
                    (_next, _end) = ClaimBlock();
                }

                if (TryListen(_next++) is { } listener)
                {
                    listener.Dispose();
                    return _next - 1;
                }
            }
        }
    }

    private static (int First, int End) ClaimBlock()
    {
        for (var block = First; block < First + (Blocks * Each); block += Each)
        {
            if (TryListen(block) is { } claim)
            {
                Claims.Add(claim);
                return (block + 1, block + Each);
            }
        }

        throw new InvalidOperationException("Too many runs of the tests at a time: each has ports of its own.");
    }

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
