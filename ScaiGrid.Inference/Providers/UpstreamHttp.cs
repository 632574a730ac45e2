using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <summary>The HTTP connections to all upstreams: one pool, the egress check at connect time, no redirects, no cookies, no proxy surprises.</summary>
public sealed class UpstreamHttp : IDisposable
{
    // HttpMessageInvoker, not HttpClient: no buffering, no second timeout, nothing a request allocates for them.
    private readonly HttpMessageInvoker _kept;
    private readonly HttpMessageInvoker _fresh;

    public UpstreamHttp(InferenceOptions options, TimeProvider time)
        : this(new EgressPolicy(allowPrivate: options.AllowPrivateUpstreams), (egress, lifetime) => Sockets(egress, lifetime, time))
    {
    }

    internal UpstreamHttp(HttpMessageHandler handler)
        : this(new EgressPolicy(allowPrivate: true), (_, _) => handler)
    {
    }

    private UpstreamHttp(EgressPolicy egress, Func<EgressPolicy, TimeSpan, HttpMessageHandler> handler)
    {
        Egress = egress;
        _kept = new HttpMessageInvoker(handler(egress, TimeSpan.FromMinutes(5)));
        _fresh = new HttpMessageInvoker(handler(egress, TimeSpan.Zero));
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
    }

    /// <param name="egress">Where connections may lead.</param>
    /// <param name="lifetime">How old a connection may be that is used again; zero for one of its own for each request.</param>
    /// <param name="time">The clock.</param>
    private static SocketsHttpHandler Sockets(EgressPolicy egress, TimeSpan lifetime, TimeProvider time) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = lifetime,
        EnableMultipleHttp2Connections = true,

        // A stream that is given up is closed at once, so that the upstream stops; one that ended is read out by its reader.
        ResponseDrainTimeout = TimeSpan.Zero,

        // Trace ids of ours are no business of the upstream's.
        ActivityHeadersPropagator = null,
        ConnectCallback = egress.ConnectAsync,

        // Above TLS; HTTP/2 has many requests on one connection, and looks after itself.
        PlaintextStreamFilter = (context, _) =>
            new(context.NegotiatedHttpVersion.Major == 1 ? new UpstreamConnection(context.PlaintextStream, time) : context.PlaintextStream),
    };
}
