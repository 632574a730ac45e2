using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// Free loopback ports, each returned once. They are below the ephemeral ports, so that no other program gets one before the process that is told of
/// it; each run of the tests has its own blocks of a thousand.
/// </summary>
public static class FreePort
{
    private const int First = 10_000;
    private const int Each = 1000;
    private const int Blocks = 18;

    private static readonly Lock Gate = new();

    // A listener on a block's first port claims the rest of the block for as long as this run lives.
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
