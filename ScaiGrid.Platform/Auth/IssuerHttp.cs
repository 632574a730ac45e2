using System.Net;
using System.Net.Http.Headers;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Auth;

/// <summary>HTTP calls to the issuer: checked by the egress policy, limited in time and size, without redirects, which could leak credentials.</summary>
internal sealed class IssuerHttp : IDisposable
{
    private const int MaxAnswerBytes = 1024 * 1024;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly HttpMessageInvoker _invoker;

    public IssuerHttp(InferenceOptions options) => _invoker = new HttpMessageInvoker(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        MaxConnectionsPerServer = 16,
        ActivityHeadersPropagator = null,
        ConnectCallback = new EgressPolicy(options.AllowPrivateUpstreams).ConnectAsync,
    });

    public Task<IssuerAnswer> GetAsync(string url, string? bearer, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Authorization = bearer is null ? null : new AuthenticationHeaderValue("Bearer", bearer);
        return SendAsync(request, cancellationToken);
    }

    /// <exception cref="IssuerAwayException">The issuer did not answer in time, or the answer is too long.</exception>
    public async Task<IssuerAnswer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Timeout);
        using (request)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            try
            {
                using var response = await _invoker.SendAsync(request, bound.Token);
                await response.Content.LoadIntoBufferAsync(MaxAnswerBytes, bound.Token);
                return new IssuerAnswer(response.StatusCode, await response.Content.ReadAsStringAsync(bound.Token));
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or InvalidOperationException
                || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                throw new IssuerAwayException($"{request.RequestUri!.Host}: {exception.Message}", exception);
            }
        }
    }

    public void Dispose() => _invoker.Dispose();
}

/// <summary>An answer of the issuer, read completely.</summary>
internal sealed record IssuerAnswer(HttpStatusCode Status, string Text);

/// <summary>The issuer is unavailable, or its answer is invalid. The message is safe to log: it contains nothing that was sent.</summary>
internal sealed class IssuerAwayException(string message, Exception? inner = null) : Exception(message, inner);
