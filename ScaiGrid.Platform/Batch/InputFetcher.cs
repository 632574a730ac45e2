using ScaiGrid.Core.Security;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Platform.Batch;

/// <summary>Fetches a batch's input from a URL given by the caller. The address of each redirect is resolved and checked again when connecting.</summary>
internal sealed class InputFetcher : IDisposable
{
    private const int MostRedirects = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly bool _allowPrivate;
    private readonly HttpMessageInvoker _http;

    public InputFetcher(BatchOptions options)
    {
        _allowPrivate = options.BatchAllowPrivate;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            ActivityHeadersPropagator = null,
            ConnectCallback = new EgressPolicy(_allowPrivate).ConnectAsync,
        });
    }

    /// <summary>Whether a URL may be given; its address is checked when it is fetched.</summary>
    public static bool IsAllowed(Uri url, bool allowPrivate) =>
        url.IsAbsoluteUri && (url.Scheme == "https" || (allowPrivate && url.Scheme == "http")) && url.UserInfo.Length == 0
        && new EgressPolicy(allowPrivate).IsAllowed(url);

    /// <summary>Passes the body to <paramref name="use"/>.</summary>
    /// <exception cref="InputException">It cannot be fetched; the message is shown to the batch's owner.</exception>
    public async Task<T> FetchAsync<T>(Uri url, Func<Stream, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            for (var hop = 0; hop <= MostRedirects; hop++)
            {
                if (!IsAllowed(url, _allowPrivate))
                {
                    throw new InputException("The input's URL leads to an address that is not allowed.");
                }

                using var request = new HttpRequestMessage(HttpMethod.Get, url);
                using var response = await _http.SendAsync(request, patience.Token);
                if (response.IsSuccessStatusCode)
                {
                    await using var body = await response.Content.ReadAsStreamAsync(patience.Token);
                    return await use(new InputBody(body), patience.Token);
                }

                if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
                {
                    throw new InputException($"The input's server answered {(int)response.StatusCode}.");
                }

                url = new Uri(url, location);
            }

            throw new InputException("The input's URL redirects too often.");
        }
        catch (HttpRequestException exception)
        {
            throw new InputException(exception.InnerException is HttpRequestException refused ? refused.Message : "The input's server cannot be reached.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new InputException("The input's server was too slow.");
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The server's body, whose read errors are reported as the input's, not as those of the store that it is written to.</summary>
    private sealed class InputBody(Stream body) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await body.ReadAsync(buffer, cancellationToken);
            }
            catch (IOException)
            {
                throw new InputException("The input's server broke off.");
            }
        }
    }
}

/// <summary>A batch's input cannot be used.</summary>
internal sealed class InputException(string message) : Exception(message);
