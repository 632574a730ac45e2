namespace ScaiGrid.Core.Errors;

/// <summary>An entry of an error catalogue. The code is API: clients branch on it, and it never changes.</summary>
/// <param name="Code">Upper snake case, for example <c>MODEL_NOT_FOUND</c>.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Message">The default text for people.</param>
public sealed record Error(string Code, int Status, string Message);

/// <summary>A mistake in one field of a request.</summary>
/// <param name="Field">Path of the field in the request's own spelling, for example <c>messages[0].role</c>.</param>
/// <param name="Message">What the field must be.</param>
public sealed record ErrorDetail(string Field, string Message);

/// <summary>One occurrence of an error, with its details. On the hot path errors are returned in this form.</summary>
/// <param name="Error">The catalogue entry.</param>
/// <param name="Message">Replaces the catalogue's text; null keeps it.</param>
/// <param name="RetryAfterSeconds">Set only if a retry can help; also becomes the <c>Retry-After</c> header.</param>
/// <param name="Details">Set on validation errors only.</param>
/// <param name="OpenAiStatus">The status on OpenAI's surface, if its clients distinguish cases that our codes do not.</param>
/// <param name="OpenAiCode">The code on OpenAI's surface, likewise.</param>
/// <param name="ResetsAt">When the exhausted budget or limit is available again, however long that takes.</param>
public sealed record Problem(
    Error Error,
    string? Message = null,
    int? RetryAfterSeconds = null,
    IReadOnlyList<ErrorDetail>? Details = null,
    int? OpenAiStatus = null,
    string? OpenAiCode = null,
    DateTimeOffset? ResetsAt = null)
{
    public string Text => Message ?? Error.Message;

    public static Problem Invalid(string field, string message) => new(CoreErrors.Validation, Details: [new ErrorDetail(field, message)]);
}

/// <summary>Carries a <see cref="Errors.Problem"/> out of control-plane code. The hot path returns problems instead.</summary>
public sealed class ApiException(Problem problem) : Exception(problem.Text)
{
    public ApiException(Error error, string? message = null)
        : this(new Problem(error, message))
    {
    }

    public Problem Problem { get; } = problem;
}
