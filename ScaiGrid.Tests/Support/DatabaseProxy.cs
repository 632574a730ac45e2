using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ScaiGrid.Tests.Support;

/// <summary>A proxy between a grid and its MariaDB that cuts the connection between a commit and its answer.</summary>
public sealed class DatabaseProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly UriBuilder _server;
    private readonly string _statement;
    private readonly Task _accepting;
    private int _cuts;

    /// <param name="url">The database's URL.</param>
    /// <param name="statement">The beginning of a statement: the commits of transactions with it are carried out, but not answered.</param>
    public DatabaseProxy(string url, string statement)
    {
        (_server, _statement) = (new UriBuilder(url), statement);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The database's URL by way of this proxy.</summary>
    public string Url => new UriBuilder(_server.Uri) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri.ToString();

    /// <summary>The number of commits that were not answered.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await Task.WhenAll([_accepting, .. _connections]);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(RelayAsync(await _listener.AcceptSocketAsync(_end.Token)));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        client.NoDelay = true;
        var (isWatched, isCut) = (false, false);
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _server.Port, gone.Token);
            await await Task.WhenAny(CopyAsync(client, server, Asked), CopyAsync(server, client, _ => !Volatile.Read(ref isCut)));
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side has disconnected.
        }

        await gone.CancelAsync();
        client.Dispose();

        bool Asked(string text)
        {
            isWatched |= text.Contains(_statement, StringComparison.Ordinal);
            if (isWatched && text.EndsWith("commit", StringComparison.OrdinalIgnoreCase))
            {
                Volatile.Write(ref isCut, true);
                Interlocked.Increment(ref _cuts);
            }

            return true;
        }

        async Task CopyAsync(Socket from, Socket to, Func<string, bool> goesOn)
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer, gone.Token) is > 0 and var read && goesOn(Encoding.Latin1.GetString(buffer, 0, read)))
            {
                await to.SendAsync(buffer.AsMemory(0, read), gone.Token);
            }
        }
    }
}
