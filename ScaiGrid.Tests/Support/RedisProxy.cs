using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace ScaiGrid.Tests.Support;

/// <summary>A proxy between a grid and its Redis that injects faults into the script's replies.</summary>
/// <param name="url">The server's URL.</param>
public sealed class RedisProxy(string url) : TcpProxy(new Uri(url).Port)
{
    private int _scripts;
    private int _questions;

    public string Url => $"redis://{Authority}";

    public string Authority => $"127.0.0.1:{Port}";

    /// <summary>The number of script runs on admission's own connections.</summary>
    public int OwnRuns => Volatile.Read(ref _scripts);

    /// <summary>The number of questions in these runs: one per call, or one for several calls of a caller.</summary>
    public int OwnQuestions => Volatile.Read(ref _questions);

    /// <summary>
    /// The fault of the next reply of such a run that contains questions; it applies once. Runs with settlements or returns only are not affected.
    /// <see cref="RedisFault.Fragments"/> applies to all replies, and <see cref="RedisFault.Hold"/> also stays until it is changed.
    /// </summary>
    public RedisFault Fault { get; set; }

    /// <summary>The error that the server seems to return, for <see cref="RedisFault.Refuse"/>.</summary>
    public string Refusal { get; set; } = "";

    protected override async Task RelayAsync(Socket client, Socket server, CancellationToken gone)
    {
        var connection = new Connection();
        await Task.WhenAny(CommandsAsync(client, server, connection, gone), AnswersAsync(server, client, connection, gone));
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
            // Either side has disconnected.
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
            // Either side has disconnected.
        }
    }

    // The script's second value, usually in the command's first piece. Each part of a command is preceded by a line with its length.
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

/// <summary>The faults of a reply.</summary>
public enum RedisFault
{
    None,

    /// <summary>It arrives byte by byte.</summary>
    Fragments,

    /// <summary>The connection breaks in the middle of it.</summary>
    Cut,

    /// <summary>It does not arrive.</summary>
    Stall,

    /// <summary>It arrives when the fault is reset.</summary>
    Hold,

    /// <summary>The server runs nothing and returns an error.</summary>
    Refuse,
}
