using System.Globalization;
using System.Net;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Reads OpenAI's error answers: <c>{"error":{"message","type","param","code"}}</c> and the shapes that compatible servers send instead.</summary>
internal static class OpenAiErrors
{
    private const int MaxBodyBytes = 64 * 1024;
    private const int MaxMessageLength = 500;

    public static async Task<UpstreamError> ReadAsync(HttpResponseMessage response, string? apiKey, CancellationToken cancellationToken)
    {
        var retryAfter = RetryAfter(response);
        switch (response.StatusCode)
        {
            case HttpStatusCode.TooManyRequests:
                return new UpstreamError(UpstreamFailure.RateLimited, RetryAfterSeconds: retryAfter);

            // Their texts may repeat our key, and nothing in them is the caller's business.
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound:
                return new UpstreamError(UpstreamFailure.Misconfigured);
            case HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError:
                return new UpstreamError(UpstreamFailure.ServerError, RetryAfterSeconds: retryAfter);
            case >= HttpStatusCode.BadRequest:
                using (var body = new PooledBytes())
                {
                    await ReadBodyAsync(response, body, cancellationToken);
                    return new UpstreamError(UpstreamFailure.RequestRefused, Message(body.Span, apiKey));
                }

            default:
                return new UpstreamError(UpstreamFailure.ShapeMismatch, $"The upstream answered with status {(int)response.StatusCode}.");
        }
    }

    /// <summary>An error inside a stream.</summary>
    public static UpstreamError FromEvent(ReadOnlySpan<byte> data, string? apiKey) => new(UpstreamFailure.ErrorEvent, Message(data, apiKey));

    private static int? RetryAfter(HttpResponseMessage response)
    {
        var value = response.Headers.RetryAfter;
        var seconds = value?.Delta?.TotalSeconds ?? (value?.Date is { } date && response.Headers.Date is { } now ? (date - now).TotalSeconds : null);
        return seconds is null ? null : (int)Math.Clamp(Math.Ceiling(seconds.Value), 1, 3600);
    }

    private static async Task ReadBodyAsync(HttpResponseMessage response, PooledBytes body, CancellationToken cancellationToken)
    {
        var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        int read;
        while (body.Length < MaxBodyBytes && (read = await content.ReadAsync(body.GetMemory(4096), cancellationToken)) > 0)
        {
            body.Advance(read);
        }
    }

    private static string? Message(ReadOnlySpan<byte> json, string? apiKey)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var message = Find(document.RootElement);
            if (message is null)
            {
                return null;
            }

            if (!string.IsNullOrEmpty(apiKey))
            {
                message = message.Replace(apiKey, "•••", StringComparison.Ordinal);
            }

            return message.Length <= MaxMessageLength ? message : string.Create(CultureInfo.InvariantCulture, $"{message.AsSpan(0, MaxMessageLength)}…");
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Find(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (var name in (ReadOnlySpan<string>)["error", "message", "detail"])
        {
            if (root.TryGetProperty(name, out var value))
            {
                return value.ValueKind switch
                {
                    JsonValueKind.String => value.GetString(),
                    JsonValueKind.Object => Find(value),
                    _ => null,
                };
            }
        }

        return null;
    }
}
