using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Kestrel's sockets, which stop in two steps. Kestrel itself closes the listener and the connections at once, and a request that
/// is just arriving is lost: a proxy may not repeat it, as it cannot know whether it was handled. Here what has connected is
/// accepted first, and between the two steps it is answered, with "Connection: close", while new connections already go elsewhere.
/// </summary>
internal sealed class LingeringTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <summary>A handshake that began before the gate was closed ends within it, and the connection is accepted.</summary>
    private static readonly TimeSpan AcceptWait = TimeSpan.FromMilliseconds(50);

    /// <summary>A machine that is busy may be late in accepting; a connection that waits for longer is given up.</summary>
    private static readonly TimeSpan LongestAcceptWait = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(500);

    private readonly SocketTransportFactory _sockets;
    private readonly TimeProvider _time;
    private Socket? _bound;

    public LingeringTransport(IOptions<SocketTransportOptions> options, ILoggerFactory loggers, TimeProvider time)
    {
        var bind = options.Value.CreateBoundListenSocket;
        options.Value.CreateBoundListenSocket = endpoint => _bound = bind(endpoint);
        _sockets = new SocketTransportFactory(options, loggers);
        _time = time;
    }

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    // Kestrel binds its endpoints one after the other, so the socket that was bound last is this listener's.
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = await _sockets.BindAsync(endpoint, cancellationToken);
        return new Listener(listener, _bound, _time);
    }

    private sealed class Listener(IConnectionListener listener, Socket? socket, TimeProvider time) : IConnectionListener
    {
        public EndPoint EndPoint => listener.EndPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => listener.AcceptAsync(cancellationToken);

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            if (socket is { SafeHandle.IsClosed: false } && ConnectionGate.TryClose(socket))
            {
                await Task.Delay(AcceptWait, time, cancellationToken);
            }

            var started = time.GetTimestamp();
            while (HasWaiting() && time.GetElapsedTime(started) < LongestAcceptWait)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1), time, cancellationToken);
            }

            await listener.UnbindAsync(cancellationToken);
            await Task.Delay(Linger, time, cancellationToken);
        }

        public ValueTask DisposeAsync() => listener.DisposeAsync();

        // Closing a listener resets the connections that nobody has accepted yet.
        private bool HasWaiting() => socket is { SafeHandle.IsClosed: false } && socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);
    }
}
