using System.Buffers.Text;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>
/// A blocking connection to one server in Redis's protocol (RESP2). One thread reads, and another may write at the same time. The socket is
/// never used with <c>await</c>: the operating system then wakes the reading thread directly, instead of the runtime's socket thread, which
/// would have to wake it.
/// </summary>
public sealed class RedisWire : IDisposable
{
    /// <summary>Longer than any expected reply, in bytes.</summary>
    private const int LongestReply = 4 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly Stream _stream;

    // A TLS stream accepts no second write before the first has returned, which may be after the reply has arrived.
    private readonly Lock? _writing;
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private RedisWire(Socket socket, Stream stream) => (_socket, _stream, _writing) = (socket, stream, stream is SslStream ? new Lock() : null);

    internal static RedisWire Open(EndPoint endpoint, ConfigurationOptions configuration)
    {
        var socket = endpoint is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // The send timeout applies to connecting as well.
            socket.SendTimeout = socket.ReceiveTimeout = configuration.AsyncTimeout;
            socket.Connect(endpoint);
            var wire = new RedisWire(socket, Secured(new NetworkStream(socket), endpoint, configuration));
            wire.Greet(configuration);

            // From here on the reader waits without a limit, because there may be nothing to read.
            socket.ReceiveTimeout = 0;
            return wire;
        }
        catch (Exception exception)
        {
            socket.Dispose();
            if (exception is SocketException or AuthenticationException)
            {
                throw new IOException(exception.Message, exception);
            }

            throw;
        }
    }

    /// <summary>Sends one or more complete commands.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="ObjectDisposedException">The connection was disposed.</exception>
    public void Send(ReadOnlySpan<byte> commands)
    {
        if (_writing is null)
        {
            _stream.Write(commands);
            return;
        }

        lock (_writing)
        {
            _stream.Write(commands);
        }
    }

    /// <summary>Waits for the next reply: a text, a number, or an error.</summary>
    /// <param name="isError">Whether the reply is an error.</param>
    /// <returns>The reply without its frame; valid until the next read.</returns>
    /// <exception cref="IOException">The connection broke, or the server does not speak the protocol.</exception>
    /// <exception cref="ObjectDisposedException">The connection was disposed.</exception>
    public ReadOnlySpan<byte> Read(out bool isError)
    {
        while (true)
        {
            if (TryTake(out var reply, out isError))
            {
                return reply;
            }

            Fill();
        }
    }

    /// <summary>Closes the connection; a blocked reader gets an exception.</summary>
    public void Dispose()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Already closed.
        }

        _stream.Dispose();
        _socket.Dispose();
    }

    private static Stream Secured(NetworkStream stream, EndPoint endpoint, ConfigurationOptions configuration)
    {
        if (!configuration.Ssl)
        {
            return stream;
        }

        var host = configuration.SslHost ?? (endpoint is DnsEndPoint dns ? dns.Host : endpoint is IPEndPoint ip ? ip.Address.ToString() : "");
        var options = configuration.SslClientAuthenticationOptions?.Invoke(host) ?? new SslClientAuthenticationOptions
        {
            TargetHost = host,
            EnabledSslProtocols = configuration.SslProtocols ?? SslProtocols.None,
            CertificateRevocationCheckMode = configuration.CheckCertificateRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck,
        };
        var secured = new SslStream(stream);
        secured.AuthenticateAsClient(options);
        return secured;
    }

    private void Greet(ConfigurationOptions configuration)
    {
        if (!string.IsNullOrEmpty(configuration.Password))
        {
            Ask(configuration.User is { Length: > 0 } user ? ["AUTH", user, configuration.Password] : ["AUTH", configuration.Password]);
        }

        if (configuration.DefaultDatabase is > 0 and var database)
        {
            Ask(["SELECT", $"{database}"]);
        }

        // A server that is still loading its data reports it here.
        Ask(["PING"]);
    }

    private void Ask(string[] command)
    {
        Send(Encoding.UTF8.GetBytes($"*{command.Length}\r\n{string.Concat(command.Select(word => $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n"))}"));
        var reply = Read(out var isError);
        if (isError)
        {
            throw new RedisException(Encoding.UTF8.GetString(reply));
        }
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestReply)
            {
                throw new IOException("A reply of Redis is too long.");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = _stream.Read(_buffer, _end, _buffer.Length - _end);
        if (read == 0)
        {
            throw new IOException("Redis closed the connection.");
        }

        _end += read;
    }

    private bool TryTake(out ReadOnlySpan<byte> reply, out bool isError)
    {
        reply = default;
        isError = false;
        var bytes = _buffer.AsSpan(_start, _end - _start);
        var lineEnd = bytes.IndexOf("\r\n"u8);
        if (lineEnd < 0)
        {
            return false;
        }

        var line = bytes[1..lineEnd];
        var total = lineEnd + 2;
        switch ((char)bytes[0])
        {
            case '+' or ':':
                reply = line;
                break;
            case '-':
                reply = line;
                isError = true;
                break;
            case '$' when Utf8Parser.TryParse(line, out int length, out var parsed) && parsed == line.Length && length < LongestReply:
                if (length >= 0)
                {
                    if (bytes.Length < total + length + 2)
                    {
                        return false;
                    }

                    reply = bytes.Slice(total, length);
                    total += length + 2;
                }

                break;
            default:
                throw new IOException("The other side does not speak Redis's protocol.");
        }

        _start += total;
        return true;
    }
}
