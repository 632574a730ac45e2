using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <param name="Failure">What happened.</param>
/// <param name="Message">The text for the caller, without credentials; null for the kind's own text.</param>
/// <param name="RetryAfterSeconds">The wait that the upstream asked for; for an exhausted account without one, our own estimate.</param>
/// <param name="Status">The HTTP status, if the upstream itself refused the request, or what it answered.</param>
/// <param name="Field">The field that was refused, if known; <paramref name="Message"/> then is about this field.</param>
/// <param name="Code">OpenAI's code of the reason, if it is one of the few in <see cref="UpstreamErrorFacts"/>; otherwise null.</param>
public sealed record UpstreamError(
    UpstreamFailure Failure, string? Message = null, int? RetryAfterSeconds = null, int? Status = null, string? Field = null, string? Code = null)
{
    public static readonly UpstreamError TimedOut = new(UpstreamFailure.TimedOut);
    public static readonly UpstreamError Revoked = new(UpstreamFailure.CallerRevoked);
    public static readonly UpstreamError Stopping = new(UpstreamFailure.Stopping, RetryAfterSeconds: 1);

    /// <summary>The upstream's filter refused the prompt, or all that the model made of it.</summary>
    public static readonly UpstreamError ContentRefused = new(
        UpstreamFailure.RequestRefused, "The upstream's content filter refused the request.", Status: 400, Code: UpstreamErrorFacts.ContentPolicy);

    /// <summary>The answer is larger than <see cref="InferenceOptions.MaxUpstreamBytes"/>.</summary>
    public static readonly UpstreamError AnswerTooLarge = new(
        UpstreamFailure.ShapeMismatch, $"The upstream's answer is larger than {InferenceOptions.MaxUpstreamBytes / 1024 / 1024} MiB.");

    /// <summary>The same for the results of several inputs.</summary>
    public static readonly UpstreamError AnswersTooLarge = new(UpstreamFailure.AnswersTooLarge, $"{AnswerTooLarge.Message} Ask for less at once.");

    /// <summary>Whether another backend may be tried: not for the caller's mistakes, but for requests that one format cannot express.</summary>
    public bool MayFailOver => Failure is not (UpstreamFailure.RequestRefused or UpstreamFailure.Misconfigured or UpstreamFailure.Unavailable) && IsUpstreams;

    /// <summary>Whether the failure says anything about the backend.</summary>
    public bool IsUpstreams => Failure is not (UpstreamFailure.CallerRevoked or UpstreamFailure.Stopping);

    /// <summary>Whether the request was sent at all.</summary>
    public bool WasSent => Failure != UpstreamFailure.Unsupported || Status is not null;

    /// <summary>The model is routed to a backend whose provider does not have the operation.</summary>
    public static UpstreamError Unsupported(string operation) =>
        new(UpstreamFailure.Unsupported, $"The backend's provider has no operation '{operation}'.");

    /// <summary>The upstream's format cannot express the request.</summary>
    public static UpstreamError Unsupported(string field, string message) => new(UpstreamFailure.Unsupported, message, Field: field);

    public Problem ToProblem() => Failure switch
    {
        UpstreamFailure.CallerRevoked => new Problem(CoreErrors.TokenInvalid),
        UpstreamFailure.Stopping => new Problem(CoreErrors.Draining, Message, RetryAfterSeconds),
        UpstreamFailure.TimedOut => new Problem(InferenceErrors.BackendTimeout, Message, RetryAfterSeconds),
        UpstreamFailure.RateLimited => new Problem(InferenceErrors.BackendRateLimited, Message, RetryAfterSeconds ?? 1),
        UpstreamFailure.ShapeMismatch => new Problem(InferenceErrors.UpstreamShapeMismatch, Message),
        UpstreamFailure.AnswersTooLarge => new Problem(CoreErrors.PayloadTooLarge, Message),
        UpstreamFailure.RequestRefused when Status == 409 => new Problem(CoreErrors.Conflict, Message ?? "The upstream says that the request conflicts with another."),
        UpstreamFailure.RequestRefused or UpstreamFailure.Unsupported when Status == 413 => new Problem(CoreErrors.PayloadTooLarge, Message ?? "The upstream says that the request is too large.", OpenAiCode: Code),
        UpstreamFailure.RequestRefused when Field is not null && Message is not null => Problem.Invalid(Field, Message) with
        {
            OpenAiStatus = Status == 422 ? 422 : null,
            OpenAiCode = Code,
        },
        UpstreamFailure.RequestRefused => new Problem(
            CoreErrors.Validation, Message ?? "The upstream refused the request.", Details: [], OpenAiStatus: Status == 422 ? 422 : null, OpenAiCode: Code),
        UpstreamFailure.Unsupported when Field is not null && Message is not null => Problem.Invalid(Field, Message),
        UpstreamFailure.Unsupported when WasSent => new Problem(CoreErrors.Validation, Message, Details: []),
        UpstreamFailure.Misconfigured => new Problem(InferenceErrors.BackendError, Message ?? "The upstream refused our credentials or does not know the model."),
        UpstreamFailure.Unavailable => new Problem(InferenceErrors.ModelUnavailable, Message, RetryAfterSeconds),
        UpstreamFailure.Cut => new Problem(InferenceErrors.BackendError, Message ?? "The upstream's stream ended early."),
        _ => new Problem(InferenceErrors.BackendError, Message),
    };
}
