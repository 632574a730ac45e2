using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <summary>The HTTP connections to all upstreams: one pool, the egress check at connect time, no redirects, no cookies, no proxy surprises.</summary>
public sealed class UpstreamHttp : IDisposable
{
    private readonly HttpMessageInvoker _invoker;

    public UpstreamHttp(InferenceOptions options)
        : this(new EgressPolicy(allowPrivate: options.AllowPrivateUpstreams), Sockets)
    {
    }

    internal UpstreamHttp(HttpMessageHandler handler)
        : this(new EgressPolicy(allowPrivate: true), _ => handler)
    {
    }

    private UpstreamHttp(EgressPolicy egress, Func<EgressPolicy, HttpMessageHandler> handler)
    {
        Egress = egress;

        // HttpMessageInvoker, not HttpClient: no buffering, no second timeout, nothing a request allocates for them.
        _invoker = new HttpMessageInvoker(handler(egress));
    }

    /// <summary>Where connections may lead: a provider's configuration is checked by it as well.</summary>
    internal EgressPolicy Egress { get; }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _invoker.SendAsync(request, cancellationToken);

    /// <summary>Whether there was no connection, or one that broke: the upstream is not there, or it is and fails.</summary>
    /// <param name="exception">What sending or reading threw.</param>
    public static UpstreamError ErrorOf(Exception exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }
            ? new UpstreamError(UpstreamFailure.ConnectionFailed, "The connection to the upstream failed.")
            : new UpstreamError(UpstreamFailure.Cut, "The connection to the upstream broke before its answer.");

    public void Dispose() => _invoker.Dispose();

    private static SocketsHttpHandler Sockets(EgressPolicy egress) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        EnableMultipleHttp2Connections = true,

        // A stream that is given up is closed at once, so that the upstream stops; one that ended is read out by its reader.
        ResponseDrainTimeout = TimeSpan.Zero,

        // Trace ids of ours are no business of the upstream's.
        ActivityHeadersPropagator = null,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var connection = await egress.ConnectAsync(context, cancellationToken);

            // TLS reads ahead by itself, a record at a time. Of a stream that is no socket's, the client's meters do not tell the peer's address.
            return context.InitialRequestMessage.RequestUri?.Scheme == Uri.UriSchemeHttp ? new ReadAheadStream(connection) : connection;
        },
    };
}
