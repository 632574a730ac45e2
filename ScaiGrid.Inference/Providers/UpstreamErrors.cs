using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Reads the error answers of all providers. Their forms differ, but a status or a code (<c>error.type</c>, <c>error.status</c>,
/// <c>error.code</c>) determines the kind of failure, whether the HTTP status is an error or a success.
/// </summary>
internal static partial class UpstreamErrors
{
    private const int MaxBodyBytes = 64 * 1024;
    private const int MaxMessageLength = 500;
    private const int MaxFieldLength = 100;
    private const string Exhausted = "The upstream's quota is used up.";

    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(2);

    /// <summary>Other words are no encodings: some servers send <c>none</c> or <c>utf-8</c>.</summary>
    private static readonly string[] Compressions = ["gzip", "br", "deflate", "zstd", "compress"];

    /// <summary>The properties that hold results, besides <c>choices</c>, which may have failed: a document with a non-empty one is not an error, even with an error alongside.</summary>
    private static readonly string[] Results = ["candidates", "content", "data", "embeddings", "output", "results", "text"];

    /// <summary>The properties of a message that a caller can use; reasoning that led to nothing is not among them.</summary>
    private static readonly string[] Sayings = ["content", "refusal", "tool_calls", "function_call", "audio"];

    /// <summary>Reads an answer whose status is not a success.</summary>
    public static async Task<UpstreamError> ReadAsync(HttpResponseMessage response, UpstreamAddress address, TimeProvider time, CancellationToken cancellationToken)
    {
        using var body = new PooledBytes();
        await ReadBodyAsync(response, body, cancellationToken);
        var facts = UpstreamErrorFacts.Read(body.Memory);
        var failure = UpstreamErrorFacts.OfStatus((int)response.StatusCode) ?? UpstreamFailure.ShapeMismatch;
        if (facts.IsTooLarge((int)response.StatusCode))
        {
            return TooLarge(facts, address);
        }

        if (failure == UpstreamFailure.RequestRefused && facts.Failure is UpstreamFailure.Misconfigured or UpstreamFailure.RateLimited or UpstreamFailure.ModelFailed)
        {
            // Some use 400 for a wrong key, an empty account, or unusable output of their model.
            failure = facts.Failure.Value;
        }
        else if (failure == UpstreamFailure.RequestRefused && facts.IsTooComplex)
        {
            failure = UpstreamFailure.Unsupported;
        }
        else if (response.StatusCode == HttpStatusCode.Forbidden && facts.Code is not null)
        {
            // Not our key: xAI says it of content, others of a context that is too long.
            failure = UpstreamFailure.RequestRefused;
        }

        // A bare 402 may mean an empty account or a request too expensive for its balance: no pause without an error code.
        var isExhausted = facts.IsExhausted || response.StatusCode == HttpStatusCode.PaymentRequired;
        return failure switch
        {
            UpstreamFailure.RateLimited => new UpstreamError(failure, isExhausted ? Exhausted : null, RetryAfter(response, time) ?? facts.RetryAfterSeconds),
            UpstreamFailure.ServerError => new UpstreamError(failure, RetryAfterSeconds: RetryAfter(response, time) ?? facts.RetryAfterSeconds),
            UpstreamFailure.RequestRefused or UpstreamFailure.Unsupported => new UpstreamError(
                failure,
                Shorten(facts.Message, address, MaxMessageLength),
                Status: (int)response.StatusCode,
                Field: Shorten(facts.Field, address, MaxFieldLength, inParts: false),
                Code: facts.Code),
            UpstreamFailure.ModelFailed => new UpstreamError(failure, Shorten(facts.Message, address, MaxMessageLength)),
            UpstreamFailure.ShapeMismatch => new UpstreamError(failure, $"The upstream answered with status {(int)response.StatusCode}."),

            // Their texts may repeat our key, and do not concern the caller.
            _ => new UpstreamError(failure),
        };
    }

    /// <summary>The error for a compressed answer, which we ask not to get: decompressing would hold back the events of a stream. Null if it is not compressed.</summary>
    public static UpstreamError? OfEncoding(HttpResponseMessage response) =>
        response.Content.Headers.NonValidated.TryGetValues("Content-Encoding", out var given)
        && Compressions.FirstOrDefault(name => given.ToString().Contains(name, StringComparison.OrdinalIgnoreCase)) is { } compression
            ? new UpstreamError(UpstreamFailure.ShapeMismatch, $"The upstream compressed its answer ({compression}), although it was asked not to.")
            : null;

    /// <summary>Reads an error inside a stream.</summary>
    public static UpstreamError FromEvent(ReadOnlyMemory<byte> data, UpstreamAddress address) => WithoutStatus(UpstreamErrorFacts.Read(data), address);

    /// <summary>The error in a response with a success status, as some servers and many proxies send; null if the response is not an error.</summary>
    public static UpstreamError? In(ReadOnlyMemory<byte> answer, UpstreamAddress address)
    {
        // Errors are short and contain the word: other answers are not parsed twice.
        if (answer.Length > MaxBodyBytes || answer.Span.IndexOf("\"error\""u8) < 0 || !IsError(answer))
        {
            return null;
        }

        var facts = UpstreamErrorFacts.Read(answer);
        var error = WithoutStatus(facts, address);
        return error.Failure == UpstreamFailure.RequestRefused ? error with { Field = Shorten(facts.Field, address, MaxFieldLength, inParts: false), Status = facts.Status } : error;
    }

    /// <summary>As <see cref="In"/>, for an unexpected content type. Reads the body only if it may be JSON, up to a size and time limit.</summary>
    public static async Task<UpstreamError?> InAsync(HttpResponseMessage response, UpstreamAddress address, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType is { } type && !type.EndsWith("json", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        using var body = new PooledBytes();
        await ReadBodyAsync(response, body, cancellationToken);
        return In(body.Memory, address);
    }

    private static UpstreamError TooLarge(UpstreamErrorFacts facts, UpstreamAddress address) =>
        new(UpstreamFailure.Unsupported, Shorten(facts.Message, address, MaxMessageLength), Status: (int)HttpStatusCode.RequestEntityTooLarge);

    // The operator's account, which OpenAI, Groq and xAI name in their texts, is not the caller's business.
    [GeneratedRegex(@" in organization \S+| Team: [^,]*, API key ID: [^,]*, Model: [^,]*,", RegexOptions.CultureInvariant)]
    private static partial Regex Account();

    private static UpstreamError WithoutStatus(UpstreamErrorFacts facts, UpstreamAddress address)
    {
        if (facts.IsTooLarge(facts.Status))
        {
            return TooLarge(facts, address);
        }

        var failure = facts.Failure ?? UpstreamFailure.ErrorEvent;
        var message = failure == UpstreamFailure.Misconfigured ? null : facts.IsExhausted ? Exhausted : Shorten(facts.Message, address, MaxMessageLength);
        return new UpstreamError(failure, message, facts.RetryAfterSeconds, Code: facts.Code);
    }

    private static bool IsError(ReadOnlyMemory<byte> answer)
    {
        try
        {
            using var document = JsonDocument.Parse(answer);
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object && !Results.Any(name => SaysSomething(root, name))
                && (root.TryGetProperty("choices"u8, out var choices) && choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() > 0
                    ? choices.EnumerateArray().All(HasFailed) && (SaysSomething(root, "error") || choices.EnumerateArray().Any(choice => SaysSomething(choice, "error")))
                    : SaysSomething(root, "error"));
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            return false;
        }
    }

    /// <summary>True if a choice ended with an error before the model said or called anything: OpenRouter sends such choices with the error.</summary>
    private static bool HasFailed(JsonElement choice) => choice.ValueKind == JsonValueKind.Object
        && choice.TryGetString("finish_reason"u8, out var reason) && reason.ValueEquals("error"u8)
        && !(choice.TryGetObject("message"u8, out var message) && Sayings.Any(name => SaysSomething(message, name)));

    private static bool SaysSomething(JsonElement root, string name) => root.TryGetProperty(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.String => !value.ValueEquals(""),
        JsonValueKind.Object => value.EnumerateObject().MoveNext(),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        _ => false,
    };

    // As OpenAI's clients read it: in fractions of seconds as well. A date counts by the upstream's own clock, or by ours if it does not tell its time.
    private static int? RetryAfter(HttpResponseMessage response, TimeProvider time)
    {
        var seconds = Number(response, "retry-after-ms") / 1000
            ?? Number(response, "Retry-After")
            ?? (response.Headers.RetryAfter?.Date - (response.Headers.Date ?? time.GetUtcNow()))?.TotalSeconds;
        return seconds is null ? null : UpstreamErrorFacts.Seconds(seconds.Value);
    }

    private static double? Number(HttpResponseMessage response, string header) =>
        response.Headers.TryGetValues(header, out var values) && double.TryParse(values.First(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    // The status alone is the main evidence: a slow or broken body is not waited for.
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
            // The part that was received is used.
        }
    }

    private static string? Shorten(string? text, UpstreamAddress address, int length, bool inParts = true)
    {
        if (text is null)
        {
            return null;
        }

        text = address.Scrub(Account().Replace(text, ""), inParts);
        return text.Length <= length ? text : string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, length)}…");
    }
}
