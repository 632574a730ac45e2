using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Reads the error answers of all providers: their shapes differ, but a status or one word in them (<c>error.type</c>, <c>error.status</c>,
/// <c>error.code</c>) always says which of our kinds it is.
/// </summary>
internal static class UpstreamErrors
{
    private const int MaxBodyBytes = 64 * 1024;
    private const int MaxMessageLength = 500;
    private const int MaxFieldLength = 100;
    private const int MaxRetryAfterSeconds = 3600;

    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(2);

    /// <summary>Words that say more than the status they come with, or come without one, inside a stream.</summary>
    private static readonly FrozenDictionary<string, UpstreamFailure> Words = new Dictionary<string, UpstreamFailure>(StringComparer.OrdinalIgnoreCase)
    {
        // OpenAI, Azure and those that speak like them.
        ["rate_limit_exceeded"] = UpstreamFailure.RateLimited,
        ["insufficient_quota"] = UpstreamFailure.RateLimited,
        ["server_error"] = UpstreamFailure.ServerError,
        ["internal_error"] = UpstreamFailure.ServerError,
        ["invalid_api_key"] = UpstreamFailure.Misconfigured,
        ["model_not_found"] = UpstreamFailure.Misconfigured,
        ["DeploymentNotFound"] = UpstreamFailure.Misconfigured,
        ["content_filter"] = UpstreamFailure.RequestRefused,

        // Anthropic.
        ["rate_limit_error"] = UpstreamFailure.RateLimited,
        ["overloaded_error"] = UpstreamFailure.ServerError,
        ["api_error"] = UpstreamFailure.ServerError,
        ["timeout_error"] = UpstreamFailure.TimedOut,
        ["authentication_error"] = UpstreamFailure.Misconfigured,
        ["permission_error"] = UpstreamFailure.Misconfigured,
        ["billing_error"] = UpstreamFailure.Misconfigured,
        ["not_found_error"] = UpstreamFailure.Misconfigured,
        ["invalid_request_error"] = UpstreamFailure.RequestRefused,
        ["request_too_large"] = UpstreamFailure.RequestRefused,

        // Google.
        ["RESOURCE_EXHAUSTED"] = UpstreamFailure.RateLimited,
        ["UNAVAILABLE"] = UpstreamFailure.ServerError,
        ["INTERNAL"] = UpstreamFailure.ServerError,
        ["DEADLINE_EXCEEDED"] = UpstreamFailure.TimedOut,
        ["API_KEY_INVALID"] = UpstreamFailure.Misconfigured,
        ["UNAUTHENTICATED"] = UpstreamFailure.Misconfigured,
        ["PERMISSION_DENIED"] = UpstreamFailure.Misconfigured,
        ["NOT_FOUND"] = UpstreamFailure.Misconfigured,
        ["FAILED_PRECONDITION"] = UpstreamFailure.Misconfigured,
        ["INVALID_ARGUMENT"] = UpstreamFailure.RequestRefused,

        // Alibaba Cloud.
        ["limit_requests"] = UpstreamFailure.RateLimited,
        ["limit_burst_rate"] = UpstreamFailure.RateLimited,
        ["Throttling"] = UpstreamFailure.RateLimited,
        ["Throttling.RateQuota"] = UpstreamFailure.RateLimited,
        ["Throttling.AllocationQuota"] = UpstreamFailure.RateLimited,
        ["Arrearage"] = UpstreamFailure.Misconfigured,
        ["InvalidApiKey"] = UpstreamFailure.Misconfigured,
        ["access_denied"] = UpstreamFailure.Misconfigured,
        ["data_inspection_failed"] = UpstreamFailure.RequestRefused,
        ["DataInspectionFailed"] = UpstreamFailure.RequestRefused,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>An answer whose status is not a success.</summary>
    public static async Task<UpstreamError> ReadAsync(HttpResponseMessage response, UpstreamAddress address, CancellationToken cancellationToken)
    {
        using var body = new PooledBytes();
        await ReadBodyAsync(response, body, cancellationToken);
        var facts = Read(body.Memory);
        var failure = OfStatus((int)response.StatusCode) ?? UpstreamFailure.ShapeMismatch;
        if (failure == UpstreamFailure.RequestRefused && facts.Failure is UpstreamFailure.Misconfigured or UpstreamFailure.RateLimited)
        {
            // Some say with 400 that the key is wrong, or that the account is empty.
            failure = facts.Failure.Value;
        }

        return failure switch
        {
            UpstreamFailure.RateLimited or UpstreamFailure.ServerError => new UpstreamError(failure, RetryAfterSeconds: RetryAfter(response) ?? facts.RetryAfterSeconds),
            UpstreamFailure.RequestRefused => new UpstreamError(
                failure, Shorten(facts.Message, address, MaxMessageLength), Status: (int)response.StatusCode, Field: Shorten(facts.Field, address, MaxFieldLength)),
            UpstreamFailure.ShapeMismatch => new UpstreamError(failure, $"The upstream answered with status {(int)response.StatusCode}."),

            // Their texts may repeat our key, and nothing in them is the caller's business.
            _ => new UpstreamError(failure),
        };
    }

    /// <summary>An error inside a stream.</summary>
    public static UpstreamError FromEvent(ReadOnlyMemory<byte> data, UpstreamAddress address)
    {
        var facts = Read(data);
        var failure = facts.Failure ?? UpstreamFailure.ErrorEvent;
        return new UpstreamError(failure, failure == UpstreamFailure.Misconfigured ? null : Shorten(facts.Message, address, MaxMessageLength), facts.RetryAfterSeconds);
    }

    private static UpstreamFailure? OfStatus(int status) => status switch
    {
        429 => UpstreamFailure.RateLimited,
        408 or >= 500 => UpstreamFailure.ServerError,
        401 or 402 or 403 or 404 => UpstreamFailure.Misconfigured,
        >= 400 => UpstreamFailure.RequestRefused,
        _ => null,
    };

    private static int? RetryAfter(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues("retry-after-ms", out var values)
            && double.TryParse(values.First(), NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return Bound(milliseconds / 1000);
        }

        var value = response.Headers.RetryAfter;
        var seconds = value?.Delta?.TotalSeconds ?? (value?.Date is { } date && response.Headers.Date is { } now ? (date - now).TotalSeconds : null);
        return seconds is null ? null : Bound(seconds.Value);
    }

    private static int? Bound(double seconds) => double.IsFinite(seconds) ? (int)Math.Clamp(Math.Ceiling(seconds), 1, MaxRetryAfterSeconds) : null;

    // The status alone says most: a body that does not come, or breaks, is not waited for.
    private static async Task ReadBodyAsync(HttpResponseMessage response, PooledBytes body, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(BodyPatience);
        try
        {
            var content = await response.Content.ReadAsStreamAsync(patience.Token);
            int read;
            while (body.Length < MaxBodyBytes && (read = await content.ReadAsync(body.GetMemory(4096), patience.Token)) > 0)
            {
                body.Advance(read);
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // What came is read.
        }
    }

    private static string? Shorten(string? text, UpstreamAddress address, int length)
    {
        if (text is null)
        {
            return null;
        }

        text = address.Scrub(text);
        return text.Length <= length ? text : string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, length)}…");
    }

    private static Facts Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var facts = new Facts();
            facts.Add(document.RootElement);
            return facts;
        }
        catch (JsonException)
        {
            return new Facts();
        }
    }

    /// <summary>What an error document says, wherever in it.</summary>
    private sealed class Facts
    {
        private UpstreamFailure? _word;
        private UpstreamFailure? _number;

        public string? Message { get; private set; }

        /// <summary>What of the request is wrong.</summary>
        public string? Field { get; private set; }

        /// <summary>Words tell more than numbers, but for those that only say that there is an error.</summary>
        public UpstreamFailure? Failure => _word is null or UpstreamFailure.RequestRefused ? _number ?? _word : _word;

        public int? RetryAfterSeconds { get; private set; }

        public void Add(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in element.EnumerateArray())
                {
                    Add(item);
                }

                return;
            }

            if (element.ValueKind != JsonValueKind.Object)
            {
                return;
            }

            foreach (var property in element.EnumerateObject())
            {
                Add(property);
            }
        }

        private void Add(JsonProperty property)
        {
            var value = property.Value;
            switch (property.Name)
            {
                case "error" or "message" or "detail" or "msg" when value.ValueKind == JsonValueKind.String:
                    Message ??= JsonText.Of(value);
                    break;
                case "type" or "status" or "code" or "reason" when value.ValueKind == JsonValueKind.String && Words.TryGetValue(JsonText.Of(value), out var failure):
                    // The more telling one: an invalid argument whose reason is a bad key is a bad key.
                    _word = _word is null or UpstreamFailure.RequestRefused ? failure : _word;
                    break;
                case "status" or "code" when value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var status) && status < 600:
                    _number ??= OfStatus(status);
                    break;
                case "param" when value.ValueKind == JsonValueKind.String:
                    Field ??= JsonText.Of(value);
                    break;
                case "loc" when value.ValueKind == JsonValueKind.Array:
                    // As FastAPI says it: where the field is, then its path.
                    Field ??= string.Join('.', value.EnumerateArray().Skip(1).Select(part => part.ToString()));
                    break;
                case "retryDelay" when value.ValueKind == JsonValueKind.String
                    && double.TryParse(JsonText.Of(value).TrimEnd('s'), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds):
                    RetryAfterSeconds = Bound(seconds);
                    break;
                case "error" or "message" or "detail" or "details" or "innererror":
                    Add(value);
                    break;
            }
        }
    }
}
