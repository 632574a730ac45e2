using System.Collections.Frozen;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Routing;

/// <summary>When a model's call continues with another target. It never does so after the caller's own mistake.</summary>
/// <param name="MaxAttempts">The most targets that one call is sent to.</param>
/// <param name="On">Values of <see cref="Words"/>: the failures after which another target is tried.</param>
public sealed record RetryPolicy(int MaxAttempts, FrozenSet<string> On)
{
    public const string Connection = "connection";
    public const string Timeout = "timeout";
    public const string RateLimit = "rate_limit";
    public const string ServerError = "server_error";
    public const string BadAnswer = "bad_answer";

    public static readonly FrozenSet<string> Words = [Connection, Timeout, RateLimit, ServerError, BadAnswer];

    public static readonly RetryPolicy Default = new(InferenceOptions.MaxAttempts, Words);

    public bool Covers(UpstreamError error) => error.MayFailOver && On.Contains(error.Failure switch
    {
        UpstreamFailure.TimedOut => Timeout,
        UpstreamFailure.RateLimited => RateLimit,
        UpstreamFailure.ServerError or UpstreamFailure.ErrorEvent => ServerError,
        UpstreamFailure.ShapeMismatch or UpstreamFailure.ModelFailed or UpstreamFailure.AnswersTooLarge => BadAnswer,
        _ => Connection,
    });
}
