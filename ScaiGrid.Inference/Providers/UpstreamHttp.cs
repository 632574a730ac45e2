using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net.Security;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// The HTTP connections to all upstreams, with the egress check at connect time; no redirects, cookies or proxies. One pool, and one for each authority
/// that providers trust in place of the system's.
/// </summary>
public sealed class UpstreamHttp : IDisposable
{
    private const int SocketBytes = 16 * 1024;

    /// <summary>The size of the client's own reads: TLS already reads whole records ahead.</summary>
    private const int DecryptedBytes = 4 * 1024;

    private readonly Meter? _meter;
    private readonly Counter<long>? _sentAgain;

    private readonly Func<bool, TrustedAuthority?, HttpMessageHandler> _handler;
    private readonly Pool _pool;
    private readonly HttpMessageInvoker _links;

    // One that no provider names any more stays, without connections: operators change authorities rarely.
    private readonly ConcurrentDictionary<string, Lazy<Pool>> _ownPools = new();

    /// <param name="options">Determines which addresses are allowed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="meters">Null to count nothing.</param>
    public UpstreamHttp(InferenceOptions options, TimeProvider time, IMeterFactory? meters = null)
        : this(new EgressPolicy(allowPrivate: options.AllowPrivateUpstreams), time, (egress, keeps, authority) => Sockets(egress, keeps, time, authority))
    {
        _meter = meters?.Create("ScaiGrid.Inference");
        _sentAgain = _meter?.CreateCounter<long>(
            "scaigrid_upstream_requests_sent_again", description: "Requests sent over a fresh connection because the upstream had closed the kept one.");
    }

    internal UpstreamHttp(HttpMessageHandler handler, TimeProvider time)
        : this(new EgressPolicy(allowPrivate: true), time, (_, _, _) => handler)
    {
    }

    private UpstreamHttp(EgressPolicy egress, TimeProvider time, Func<EgressPolicy, bool, TrustedAuthority?, HttpMessageHandler> handler)
    {
        (Egress, Time) = (egress, time);
        _handler = (keeps, authority) => handler(egress, keeps, authority);
        _pool = new Pool(_handler, authority: null);
        _links = new HttpMessageInvoker(handler(new EgressPolicy(allowPrivate: false), false, null));
    }

    /// <summary>The addresses that are allowed; providers' configurations are validated by it as well.</summary>
    internal EgressPolicy Egress { get; }

    /// <summary>The clock.</summary>
    internal TimeProvider Time { get; }

    /// <summary>
    /// Sends over a kept connection if there is one, and again over a new one if that had been closed. The content must be one that can be sent again
    /// from its start.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="authority">The authority that verifies the upstream's certificate; null for the system's.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, TrustedAuthority? authority, CancellationToken cancellationToken)
    {
        var pool = authority is null ? _pool : _ownPools.GetOrAdd(authority.Id, static (_, at) => new Lazy<Pool>(() => new Pool(at._handler, at.authority)), (_handler, authority)).Value;
        try
        {
            return await pool.Kept.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException exception) when (exception.InnerException is StaleConnectionException)
        {
            _sentAgain?.Add(1);
            return await pool.Fresh.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>
    /// Fetches what an upstream's answer links to, without credentials. A private address, and a certificate of the upstream's own authority, is
    /// accepted at the upstream's own address only: whoever answers for an upstream must not read what only this machine can reach.
    /// </summary>
    /// <param name="link">The link.</param>
    /// <param name="home">The upstream's address; null if it has none.</param>
    /// <param name="cancellationToken">The call's token.</param>
    internal async Task<HttpResponseMessage> FetchAsync(Uri link, UpstreamHome? home, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, link);
        return await (home?.Has(link) == true ? SendAsync(request, home.Authority, cancellationToken) : _links.SendAsync(request, cancellationToken));
    }

    /// <summary>The error for an exception: whether no connection could be made, or one broke.</summary>
    /// <param name="exception">The exception of sending or reading.</param>
    public static UpstreamError ErrorOf(Exception exception) =>
        IsUnconnected(exception) || exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }
            ? new UpstreamError(UpstreamFailure.ConnectionFailed, "The connection to the upstream failed.")
            : new UpstreamError(UpstreamFailure.Cut, "The connection to the upstream broke before its answer.");

    /// <summary>True if no connection was made within its time, as where packets are dropped. Unlike a call's own limits, it has an inner exception.</summary>
    /// <param name="exception">The exception of sending.</param>
    public static bool IsUnconnected(Exception exception) => exception is OperationCanceledException { InnerException: TimeoutException };

    public void Dispose()
    {
        _pool.Dispose();
        _links.Dispose();
        foreach (var pool in _ownPools.Values)
        {
            pool.Value.Dispose();
        }

        _meter?.Dispose();
    }

    /// <param name="egress">Determines which addresses are allowed.</param>
    /// <param name="keeps">Whether connections are reused; otherwise each request gets a new one.</param>
    /// <param name="time">The clock.</param>
    /// <param name="authority">The authority that verifies upstreams; null for the system's.</param>
    private static SocketsHttpHandler Sockets(EgressPolicy egress, bool keeps, TimeProvider time, TrustedAuthority? authority) => new()
    {
        SslOptions = authority?.Options() ?? new SslClientAuthenticationOptions(),
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = keeps ? TimeSpan.FromMinutes(5) : TimeSpan.Zero,
        EnableMultipleHttp2Connections = true,

        // A stream that is abandoned is closed at once, so that the upstream stops; one that ended is read to its end by its reader.
        ResponseDrainTimeout = TimeSpan.Zero,

        // Our trace ids are not sent to upstreams.
        ActivityHeadersPropagator = null,
        ConnectCallback = egress.ConnectAsync,

        // HTTP/2 multiplexes requests on one connection, and detects closed connections by itself.
        PlaintextStreamFilter = (context, _) => new(context.NegotiatedHttpVersion.Major == 1
            ? new UpstreamConnection(context.PlaintextStream, context.PlaintextStream is SslStream ? DecryptedBytes : SocketBytes, time)
            : context.PlaintextStream),
    };

    // HttpMessageInvoker instead of HttpClient: no buffering, no second timeout, and no allocations for them.
    private sealed class Pool(Func<bool, TrustedAuthority?, HttpMessageHandler> handler, TrustedAuthority? authority) : IDisposable
    {
        public HttpMessageInvoker Kept { get; } = new(handler(true, authority));

        public HttpMessageInvoker Fresh { get; } = new(handler(false, authority));

        public void Dispose()
        {
            Kept.Dispose();
            Fresh.Dispose();
        }
    }
}
