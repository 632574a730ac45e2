using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers;

/// <summary>Why a backend did not answer. Each kind is a fixed metric label.</summary>
public enum UpstreamFailure
{
    /// <summary>No connection: nobody is there.</summary>
    ConnectionFailed,

    /// <summary>No answer, or no next byte, in time.</summary>
    TimedOut,

    /// <summary>The upstream's own rate limit.</summary>
    RateLimited,

    /// <summary>408 or 5xx.</summary>
    ServerError,

    /// <summary>Answered what is not its wire format.</summary>
    ShapeMismatch,

    /// <summary>The connection broke, or the stream stopped, before its proper end.</summary>
    Cut,

    /// <summary>An error event inside the stream.</summary>
    ErrorEvent,

    /// <summary>The upstream refused the request itself: 400, 409 or 422.</summary>
    RequestRefused,

    /// <summary>
    /// The provider has no such operation, or its format cannot say what the request says: nothing was sent. Or the upstream itself says that this is
    /// beyond its model, where another's may take it.
    /// </summary>
    Unsupported,

    /// <summary>401, 403 or 404: our credentials or configuration, not the caller's fault.</summary>
    Misconfigured,

    /// <summary>None of the upstream's: the caller's credential was revoked in the middle of the call.</summary>
    CallerRevoked,

    /// <summary>None of the upstream's: this process ends, and the time in which it lets calls finish is over.</summary>
    Stopping,

    /// <summary>No target could be tried, or none was there.</summary>
    Unavailable,

    /// <summary>The upstream is well, and says that its model made nothing of this conversation that can be used.</summary>
    ModelFailed,
}

/// <param name="Failure">What happened.</param>
/// <param name="Message">For the caller; never holds credentials. Null: the kind's own text.</param>
/// <param name="RetryAfterSeconds">What the upstream asked for; where it did not, of an account that is used up, our own guess.</param>
/// <param name="Status">The HTTP status, of a request that the upstream itself refused.</param>
/// <param name="Field">What of the request was refused, where that is known; <paramref name="Message"/> then says what of it is wrong.</param>
/// <param name="Code">OpenAI's word for why the request was refused, one of <see cref="UpstreamErrorFacts"/>'s few; null for any other reason.</param>
public sealed record UpstreamError(
    UpstreamFailure Failure, string? Message = null, int? RetryAfterSeconds = null, int? Status = null, string? Field = null, string? Code = null)
{
    public static readonly UpstreamError TimedOut = new(UpstreamFailure.TimedOut);
    public static readonly UpstreamError Revoked = new(UpstreamFailure.CallerRevoked);
    public static readonly UpstreamError Stopping = new(UpstreamFailure.Stopping, RetryAfterSeconds: 1);

    /// <summary>Whether another backend may be tried. What the caller got wrong stays wrong elsewhere, but not what one format cannot say.</summary>
    public bool MayFailOver => Failure is not (UpstreamFailure.RequestRefused or UpstreamFailure.Misconfigured or UpstreamFailure.Unavailable) && IsUpstreams;

    /// <summary>Whether it tells anything of the backend.</summary>
    public bool IsUpstreams => Failure is not (UpstreamFailure.CallerRevoked or UpstreamFailure.Stopping);

    /// <summary>Whether the upstream was asked at all.</summary>
    public bool WasSent => Failure != UpstreamFailure.Unsupported || Status is not null;

    /// <summary>The model is routed to a backend whose provider does not have the operation.</summary>
    public static UpstreamError Unsupported(string operation) =>
        new(UpstreamFailure.Unsupported, $"The backend's provider has no operation '{operation}'.");

    /// <summary>The request says what the upstream's format cannot.</summary>
    public static UpstreamError Unsupported(string field, string message) => new(UpstreamFailure.Unsupported, message, Field: field);

    public Problem ToProblem() => Failure switch
    {
        UpstreamFailure.CallerRevoked => new Problem(CoreErrors.TokenInvalid),
        UpstreamFailure.Stopping => new Problem(CoreErrors.Draining, Message, RetryAfterSeconds),
        UpstreamFailure.TimedOut => new Problem(InferenceErrors.BackendTimeout, Message, RetryAfterSeconds),
        UpstreamFailure.RateLimited => new Problem(InferenceErrors.BackendRateLimited, Message, RetryAfterSeconds ?? 1),
        UpstreamFailure.ShapeMismatch => new Problem(InferenceErrors.UpstreamShapeMismatch, Message),
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

/// <summary>The words for <see cref="UpstreamFailure"/> in metrics and answers.</summary>
public static class UpstreamFailureWords
{
    public static string Label(this UpstreamFailure failure) => failure switch
    {
        UpstreamFailure.ConnectionFailed => "connection_failed",
        UpstreamFailure.TimedOut => "timed_out",
        UpstreamFailure.RateLimited => "rate_limited",
        UpstreamFailure.ServerError => "server_error",
        UpstreamFailure.ShapeMismatch => "shape_mismatch",
        UpstreamFailure.Cut => "cut",
        UpstreamFailure.ErrorEvent => "error_event",
        UpstreamFailure.RequestRefused => "request_refused",
        UpstreamFailure.Unsupported => "unsupported",
        UpstreamFailure.Unavailable => "unavailable",
        UpstreamFailure.CallerRevoked => "caller_revoked",
        UpstreamFailure.Stopping => "stopping",
        UpstreamFailure.ModelFailed => "model_failed",
        _ => "misconfigured",
    };
}
