namespace ScaiGrid.Inference.Providers;

/// <summary>Why a backend did not answer. Each kind is a fixed metric label.</summary>
public enum UpstreamFailure
{
    /// <summary>No connection could be made.</summary>
    ConnectionFailed,

    /// <summary>No answer, or no next byte, in time.</summary>
    TimedOut,

    /// <summary>The upstream's own rate limit.</summary>
    RateLimited,

    /// <summary>5xx, or 408, 425 or 499.</summary>
    ServerError,

    /// <summary>The answer was not in the upstream's wire format.</summary>
    ShapeMismatch,

    /// <summary>The connection broke, or the stream stopped, before its proper end.</summary>
    Cut,

    /// <summary>An error event inside the stream.</summary>
    ErrorEvent,

    /// <summary>The upstream refused the request itself: 400, 409, 422, or its content.</summary>
    RequestRefused,

    /// <summary>
    /// The provider does not have the operation, or its format cannot express the request: nothing was sent. Or the upstream reports that its model does
    /// not support the request, while another's may.
    /// </summary>
    Unsupported,

    /// <summary>401, 403, 404 or 410: our credentials or configuration, not the caller's fault.</summary>
    Misconfigured,

    /// <summary>Not the upstream's failure: the caller's credential was revoked during the call.</summary>
    CallerRevoked,

    /// <summary>Not the upstream's failure: this process is stopping, and its drain timeout has expired.</summary>
    Stopping,

    /// <summary>There was no target, or none could be tried.</summary>
    Unavailable,

    /// <summary>The upstream is healthy, but reports that its model produced no usable output for this conversation.</summary>
    ModelFailed,

    /// <summary>The results of several inputs are larger than we take. The caller may ask for fewer, and another backend may write them shorter.</summary>
    AnswersTooLarge,
}

/// <summary>The names of <see cref="UpstreamFailure"/> in metrics and answers.</summary>
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
        UpstreamFailure.AnswersTooLarge => "answers_too_large",
        _ => "misconfigured",
    };
}
