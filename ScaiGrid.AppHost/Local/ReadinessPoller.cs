using System.Net;

namespace ScaiGrid.AppHost.Local;

/// <summary>Polls a mode until it is ready.</summary>
internal sealed class ReadinessPoller(TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    // A proxy in the environment is not meant for loopback.
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(1) })
    {
        Timeout = TimeSpan.FromSeconds(3),
    };

    public async Task WaitAsync(Mode mode, int port, CancellationToken cancellationToken)
    {
        while (!await IsReadyAsync(mode, port, cancellationToken))
        {
            await Task.Delay(Interval, time, cancellationToken);
        }
    }

    public async Task<bool> IsReadyAsync(Mode mode, int port, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, LocalEnvironment.Url(port) + Mode.ReadyPath);
        if (mode.Port is { IsHttp2: true })
        {
            // Without TLS there is no negotiation: HTTP/2 must be used from the first byte.
            request.Version = HttpVersion.Version20;
            request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }

        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    public void Dispose() => _client.Dispose();
}
