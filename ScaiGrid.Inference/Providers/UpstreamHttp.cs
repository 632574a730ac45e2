using System.Diagnostics.Metrics;
using System.Net.Security;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <summary>The HTTP connections to all upstreams: one pool, the egress check at connect time, no redirects, no cookies, no proxy surprises.</summary>
public sealed class UpstreamHttp : IDisposable
{
    private const int SocketBytes = 16 * 1024;

    /// <summary>What the client asks for: TLS has read a record ahead by itself.</summary>
    private const int DecryptedBytes = 4 * 1024;

    private readonly Meter? _meter;
    private readonly Counter<long>? _sentAgain;

    // HttpMessageInvoker, not HttpClient: no buffering, no second timeout, nothing a request allocates for them.
    private readonly HttpMessageInvoker _kept;
    private readonly HttpMessageInvoker _fresh;

    /// <param name="options">Where connections may lead.</param>
    /// <param name="time">The clock.</param>
    /// <param name="meters">Null: nothing is counted.</param>
    public UpstreamHttp(InferenceOptions options, TimeProvider time, IMeterFactory? meters = null)
        : this(new EgressPolicy(allowPrivate: options.AllowPrivateUpstreams), (egress, keeps) => Sockets(egress, keeps, time))
    {
        _meter = meters?.Create("ScaiGrid.Inference");
        _sentAgain = _meter?.CreateCounter<long>(
            "scaigrid_upstream_requests_sent_again", description: "Requests sent over a fresh connection because the upstream had closed the kept one.");
    }

    internal UpstreamHttp(HttpMessageHandler handler)
        : this(new EgressPolicy(allowPrivate: true), (_, _) => handler)
    {
    }

    private UpstreamHttp(EgressPolicy egress, Func<EgressPolicy, bool, HttpMessageHandler> handler)
    {
        Egress = egress;
        _kept = new HttpMessageInvoker(handler(egress, true));
        _fresh = new HttpMessageInvoker(handler(egress, false));
    }

    /// <summary>Where connections may lead: a provider's configuration is checked by it as well.</summary>
    internal EgressPolicy Egress { get; }

    /// <summary>
    /// Sends over a kept connection where there is one, and once more over a fresh one where that had been closed. Content must be one that can be
    /// sent again from its start.
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            return await _kept.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException exception) when (exception.InnerException is StaleConnectionException)
        {
            _sentAgain?.Add(1);
            return await _fresh.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>Whether there was no connection, or one that broke: the upstream is not there, or it is and fails.</summary>
    /// <param name="exception">What sending or reading threw.</param>
    public static UpstreamError ErrorOf(Exception exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }
            ? new UpstreamError(UpstreamFailure.ConnectionFailed, "The connection to the upstream failed.")
            : new UpstreamError(UpstreamFailure.Cut, "The connection to the upstream broke before its answer.");

    public void Dispose()
    {
        _kept.Dispose();
        _fresh.Dispose();
        _meter?.Dispose();
    }

    /// <param name="egress">Where connections may lead.</param>
    /// <param name="keeps">Whether connections are used again; else each request has one of its own.</param>
    /// <param name="time">The clock.</param>
    private static SocketsHttpHandler Sockets(EgressPolicy egress, bool keeps, TimeProvider time) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = keeps ? TimeSpan.FromMinutes(5) : TimeSpan.Zero,
        EnableMultipleHttp2Connections = true,

        // A stream that is given up is closed at once, so that the upstream stops; one that ended is read out by its reader.
        ResponseDrainTimeout = TimeSpan.Zero,

        // Trace ids of ours are no business of the upstream's.
        ActivityHeadersPropagator = null,
        ConnectCallback = egress.ConnectAsync,

        // HTTP/2 has many requests on one connection, and looks after itself.
        PlaintextStreamFilter = (context, _) => new(context.NegotiatedHttpVersion.Major == 1
            ? new UpstreamConnection(context.PlaintextStream, context.PlaintextStream is SslStream ? DecryptedBytes : SocketBytes, time)
            : context.PlaintextStream),
    };
}
