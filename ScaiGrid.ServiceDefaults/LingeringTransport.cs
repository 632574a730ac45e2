using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Kestrel's socket transport, with a stop in two steps. Kestrel closes listener and connections at once, and a request that is just arriving
/// is lost: a proxy may not repeat it, because it cannot know whether it was handled. Here pending connections are accepted first, and
/// between the two steps requests are answered with "Connection: close", while new connections already go elsewhere.
/// </summary>
internal sealed class LingeringTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <summary>Time for handshakes that began before the gate was closed to complete and be accepted.</summary>
    private static readonly TimeSpan AcceptWait = TimeSpan.FromMilliseconds(50);

    /// <summary>A busy machine may accept late; connections that wait longer than this are given up.</summary>
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

    // Kestrel binds its endpoints one after the other, so the socket bound last belongs to this listener.
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

        // Closing a listener resets connections that have not been accepted.
        private bool HasWaiting() => socket is { SafeHandle.IsClosed: false } && socket.Poll(TimeSpan.Zero, SelectMode.SelectRead);
    }
}
