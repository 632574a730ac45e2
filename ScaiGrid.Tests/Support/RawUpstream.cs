using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A provider on plain sockets, which can misuse its connections in ways that no HTTP library does. It answers each chat with its last message's
/// text, and any other request with its body's length. Its responses are <see cref="AnswerBytes"/> long.
/// </summary>
public sealed class RawUpstream : IAsyncDisposable
{
    /// <summary>The read size of the gateway's HTTP client: bytes after such a response are not read together with it.</summary>
    public const int AnswerBytes = 4096;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TestCertificate? _certificate;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _accepting;
    private int _accepted;
    private int _answered;

    /// <param name="certificate">The certificate for TLS; null for plain text.</param>
    public RawUpstream(TestCertificate? certificate = null)
    {
        _certificate = certificate;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Closes each connection after its response, without announcing it.</summary>
    public bool ClosesSilently { get; init; }

    /// <summary>The text of a second, unsolicited response that is sent after each one.</summary>
    public string? Unasked { get; init; }

    public string BaseUrl => $"{(_certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/v1";

    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>The number of complete requests.</summary>
    public int Answered => Volatile.Read(ref _answered);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_connections);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = await _listener.AcceptSocketAsync(_end.Token);
                Interlocked.Increment(ref _accepted);
                _connections.Add(ServeAsync(connection));
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        socket.NoDelay = true;
        try
        {
            await using Stream plain = new NetworkStream(socket, ownsSocket: true);
            await using var connection = _certificate is null ? plain : await _certificate.ServeAsync(plain, _end.Token);
            while (await ReadRequestAsync(connection) is { } text)
            {
                Interlocked.Increment(ref _answered);
                await connection.WriteAsync(Unasked is null ? Answer(text) : [.. Answer(text), .. Answer(Unasked)], _end.Token);
                if (ClosesSilently)
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or AuthenticationException)
        {
            // The gateway closed the connection, or the test has ended.
        }
    }

    /// <returns>The text to answer with; null at the end of the connection.</returns>
    private async Task<string?> ReadRequestAsync(Stream connection)
    {
        var (bytes, length) = (new byte[64 * 1024], 0);
        while (true)
        {
            var head = bytes.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (head > 0 && length >= head + 4 + BodyLength(Encoding.ASCII.GetString(bytes, 0, head)))
            {
                var body = bytes.AsSpan(head + 4, length - head - 4);
                return body[0] == '{' ? (string)JsonNode.Parse(body)!["messages"]!.AsArray()[^1]!["content"]! : $"{body.Length} bytes";
            }

            var read = await connection.ReadAsync(bytes.AsMemory(length), _end.Token);
            if (read == 0)
            {
                return null;
            }

            length += read;
        }
    }

    private static int BodyLength(string head)
    {
        var line = head.Split("\r\n").Single(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return int.Parse(line.Split(':')[1], CultureInfo.InvariantCulture);
    }

    private static byte[] Answer(string text)
    {
        var body = UpstreamDocuments.Completion(new UpstreamScript { Chunks = [text] });
        var head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0000\r\n\r\n";
        body = body.PadRight(AnswerBytes - head.Length);
        return Encoding.ASCII.GetBytes(head.Replace("0000", $"{body.Length}", StringComparison.Ordinal) + body);
    }
}
