using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ScaiGrid.Tests.Support;

/// <summary>Stands between a grid and its Redis, and does to the script's answers what networks and servers do.</summary>
public sealed class RedisProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly int _port;
    private readonly Task _accepting;
    private int _scripts;
    private int _questions;

    /// <param name="url">Of the server.</param>
    public RedisProxy(string url)
    {
        _port = new Uri(url).Port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Url => $"redis://{Authority}";

    public string Authority => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Runs of scripts that came over connections with nothing else on them: admission's own.</summary>
    public int OwnRuns => Volatile.Read(ref _scripts);

    /// <summary>What those runs decided: a call each, or several of one caller.</summary>
    public int OwnQuestions => Volatile.Read(ref _questions);

    /// <summary>
    /// What happens to the next answer of such a run that decides about calls, and only to that one: what is settled or returned by itself
    /// does not meet it. <see cref="RedisFault.Fragments"/> stays, and is for all; <see cref="RedisFault.Hold"/> stays.
    /// </summary>
    public RedisFault Fault { get; set; }

    /// <summary>What the server seems to say, with <see cref="RedisFault.Refuse"/>.</summary>
    public string Refusal { get; set; } = "";

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
            // The end of the test.
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        client.NoDelay = true;
        var connection = new Connection();
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _port, gone.Token);
            await Task.WhenAny(CommandsAsync(client, server, connection, gone.Token), AnswersAsync(server, client, connection, gone.Token));
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            // The server is away.
        }

        await gone.CancelAsync();
        client.Dispose();
    }

    private async Task CommandsAsync(Socket client, Socket server, Connection connection, CancellationToken gone)
    {
        var buffer = new byte[256 * 1024];
        try
        {
            while (await client.ReceiveAsync(buffer, gone) is > 0 and var read)
            {
                var text = Encoding.Latin1.GetString(buffer, 0, read);

                // The shared client introduces itself; admission's own connection does not.
                connection.IsShared |= text.Contains("CLIENT", StringComparison.Ordinal) || text.Contains("HELLO", StringComparison.Ordinal);
                if (!connection.IsShared && text.Contains("\r\nEVAL", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref _scripts);
                    var questions = Questions(text);
                    Interlocked.Add(ref _questions, questions);
                    (connection.HasRun, connection.Decides) = (true, questions > 0);
                    if (connection.Decides && Fault == RedisFault.Refuse)
                    {
                        Fault = RedisFault.None;
                        await client.SendAsync(Encoding.ASCII.GetBytes($"-{Refusal}\r\n"), gone);
                        continue;
                    }
                }

                await server.SendAsync(buffer.AsMemory(0, read), gone);
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side has gone.
        }
    }

    private async Task AnswersAsync(Socket server, Socket client, Connection connection, CancellationToken gone)
    {
        var buffer = new byte[256 * 1024];
        try
        {
            while (await server.ReceiveAsync(buffer, gone) is > 0 and var read)
            {
                var fault = Fault;
                switch (connection.Decides || (connection.HasRun && fault == RedisFault.Fragments) ? fault : RedisFault.None)
                {
                    case RedisFault.Fragments:
                        for (var i = 0; i < read; i++)
                        {
                            await client.SendAsync(buffer.AsMemory(i, 1), gone);
                            await Task.Yield();
                        }

                        continue;
                    case RedisFault.Cut:
                        Fault = RedisFault.None;
                        await client.SendAsync(buffer.AsMemory(0, read / 2), gone);
                        return;
                    case RedisFault.Hold:
                        while (Fault == RedisFault.Hold)
                        {
                            await Task.Delay(10, gone);
                        }

                        goto default;
                    case RedisFault.Stall:
                        Fault = RedisFault.None;
                        await Task.Delay(Timeout.Infinite, gone);
                        return;
                    default:
                        await client.SendAsync(buffer.AsMemory(0, read), gone);
                        continue;
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side has gone.
        }
    }

    // The script's second value, which is in the command's first piece most often. Before each part of a command stands a line with its length.
    private static int Questions(string command)
    {
        var parts = command.Split("\r\n");
        return parts.Length > 6 && int.TryParse(parts[6], CultureInfo.InvariantCulture, out var keys)
            && int.TryParse(parts.ElementAtOrDefault(10 + (2 * keys)), CultureInfo.InvariantCulture, out var questions) ? questions : 1;
    }

    private sealed class Connection
    {
        public volatile bool IsShared;
        public volatile bool HasRun;
        public volatile bool Decides;
    }
}

/// <summary>What may come of an answer.</summary>
public enum RedisFault
{
    None,

    /// <summary>It comes byte by byte.</summary>
    Fragments,

    /// <summary>The connection ends in the middle of it.</summary>
    Cut,

    /// <summary>It does not come.</summary>
    Stall,

    /// <summary>It comes when the fault is over.</summary>
    Hold,

    /// <summary>The server runs nothing and says why.</summary>
    Refuse,
}
