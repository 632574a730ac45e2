using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.Tests.Support;

/// <summary>A proxy on loopback between a grid and one of its servers. What it does to the connections is up to the derived class.</summary>
public abstract class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly int _serverPort;
    private readonly Task _accepting;

    /// <param name="serverPort">The server's port on loopback.</param>
    protected TcpProxy(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The proxy's own port on loopback.</summary>
    protected int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await Task.WhenAll([_accepting, .. _connections]);
        _end.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Passes on what both sides send. When this returns or throws, both are disconnected.</summary>
    /// <param name="client">The grid's side.</param>
    /// <param name="server">The server's side, connected.</param>
    /// <param name="gone">The end of the connection.</param>
    protected abstract Task RelayAsync(Socket client, Socket server, CancellationToken gone);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(ConnectAsync(await _listener.AcceptSocketAsync(_end.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task ConnectAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        client.NoDelay = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, gone.Token);
            await RelayAsync(client, server, gone.Token);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The server is unavailable, or either side has disconnected.
        }

        await gone.CancelAsync();
        client.Dispose();
    }
}
