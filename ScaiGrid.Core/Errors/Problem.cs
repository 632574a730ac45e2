namespace ScaiGrid.Core.Errors;

/// <summary>One occurrence of an error, with its details. On the hot path errors are returned in this form.</summary>
/// <param name="Error">The catalogue entry.</param>
/// <param name="Message">Replaces the catalogue's text; null keeps it.</param>
/// <param name="RetryAfterSeconds">Set only if a retry can help; also becomes the <c>Retry-After</c> header.</param>
/// <param name="Details">Set on validation errors only.</param>
/// <param name="OpenAiStatus">The status on OpenAI's surface, if its clients distinguish cases that our codes do not.</param>
/// <param name="OpenAiCode">The code on OpenAI's surface, likewise.</param>
/// <param name="ResetsAt">When the exhausted budget or limit is available again, however long that takes.</param>
/// <param name="IsLasting">Whether retries get the same answer until an administrator changes something.</param>
/// <param name="IsCounted">Whether the call has been counted towards the rate limits of calls of models.</param>
public sealed record Problem(
    Error Error,
    string? Message = null,
    int? RetryAfterSeconds = null,
    IReadOnlyList<ErrorDetail>? Details = null,
    int? OpenAiStatus = null,
    string? OpenAiCode = null,
    DateTimeOffset? ResetsAt = null,
    bool IsLasting = false,
    bool IsCounted = false)
{
    public string Text => Message ?? Error.Message;

    public static Problem Invalid(string field, string message) => new(CoreErrors.Validation, Details: [new ErrorDetail(field, message)]);
}
