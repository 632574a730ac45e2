using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The result of one attempt.</summary>
/// <param name="StatusCode">Null if there was no response.</param>
/// <param name="DurationMs">Milliseconds until the response or the failure.</param>
/// <param name="Error">Null if the receiver accepted the event.</param>
internal sealed record DeliveryAttempt(int? StatusCode, int DurationMs, string? Error)
{
    public bool Succeeded => Error is null;
}

/// <summary>
/// Sends an event to a receiver. The address is resolved, checked and connected to here; redirects are not followed. Failures are reported
/// by kind only, so that tenants cannot use them to explore a network that they cannot see.
/// </summary>
internal sealed class WebhookSender : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly MediaTypeHeaderValue Json = new("application/json", "utf-8");

    private readonly SecretBox _secrets;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;

    public WebhookSender(WebhookOptions options, SecretBox secrets, TimeProvider time)
    {
        (_secrets, _time) = (secrets, time);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = Patience,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
            MaxResponseDrainSize = 64 * 1024,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            MaxResponseHeadersLength = 32,
            ActivityHeadersPropagator = null,
            ConnectCallback = new EgressPolicy(options.AllowPrivate).ConnectAsync,
        });
    }

    /// <exception cref="OperationCanceledException">The caller's token was cancelled; it is unknown whether the receiver has the event.</exception>
    public async Task<DeliveryAttempt> SendAsync(Webhook webhook, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var startedAt = _time.GetTimestamp();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            using var request = Request(webhook, delivery);
            using var response = await _http.SendAsync(request, patience.Token);
            var status = (int)response.StatusCode;
            return new DeliveryAttempt(status, Elapsed(), response.IsSuccessStatusCode ? null : string.Create(CultureInfo.InvariantCulture, $"The receiver answered {status}."));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new DeliveryAttempt(null, Elapsed(), string.Create(CultureInfo.InvariantCulture, $"There was no answer within {Patience.TotalSeconds} s."));
        }
        catch (HttpRequestException exception)
        {
            return new DeliveryAttempt(null, Elapsed(), Describe(exception));
        }
        catch (CryptographicException)
        {
            return new DeliveryAttempt(null, Elapsed(), "The webhook's secret cannot be read any more; set it again.");
        }

        int Elapsed() => (int)_time.GetElapsedTime(startedAt).TotalMilliseconds;
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(Webhook webhook, WebhookDelivery delivery)
    {
        var body = Encoding.UTF8.GetBytes(delivery.Body);
        var secret = _secrets.Open(webhook.Secret, webhook.Id);
        var now = _time.GetUtcNow().ToUnixTimeSeconds();
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.TryAddWithoutValidation("User-Agent", "ScaiGrid-Webhooks/1");
        request.Headers.Add(WebhookSignature.Header, WebhookSignature.Sign(secret, body));
        request.Headers.Add(WebhookSignature.HeaderV2, WebhookSignature.SignV2(secret, now, body));
        request.Headers.Add("X-ScaiGrid-Timestamp", now.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("X-ScaiGrid-Event-Id", delivery.EventId);
        request.Headers.Add("X-ScaiGrid-Event-Type", delivery.EventType);
        request.Headers.Add("X-ScaiGrid-Delivery-Id", delivery.Id);
        return request;
    }

    private static string Describe(HttpRequestException exception) => exception switch
    {
        { InnerException: HttpRequestException refused } => refused.Message,
        { HttpRequestError: HttpRequestError.NameResolutionError } => "The host's name cannot be resolved.",
        { HttpRequestError: HttpRequestError.SecureConnectionError } => "The TLS connection failed.",
        { HttpRequestError: HttpRequestError.ConnectionError } => "The host cannot be connected to.",
        _ => "The connection broke before there was an answer.",
    };
}
