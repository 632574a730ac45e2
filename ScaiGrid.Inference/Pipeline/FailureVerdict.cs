using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Chooses the error for the caller when no target took the call: the failure that best predicts the outcome of a retry. In order of
/// precedence: the upstream answered and failed, timed out, was rate limited, was unreachable, cannot take the request. If none was
/// reachable, or all are out after one asked for a pause, the model is unavailable: the next call would get the same answer.
/// </summary>
internal struct FailureVerdict
{
    private UpstreamError? _worst;
    private bool _isPauseAsked;

    /// <summary>The verdict on a failure after which no other target is tried, whatever the failures before it.</summary>
    public static FailureVerdict Only(UpstreamError error)
    {
        var verdict = new FailureVerdict();
        verdict.Add(error);
        return verdict;
    }

    public void Add(UpstreamError error)
    {
        _isPauseAsked |= error.RetryAfterSeconds is not null;
        if (_worst is null || Rank(error) > Rank(_worst) || (Rank(error) == Rank(_worst) && !IsSooner(_worst, error)))
        {
            _worst = error;
        }
    }

    /// <param name="route">The model.</param>
    /// <param name="unable">A bit mask, by index, of the targets that can never take this call.</param>
    public readonly UpstreamError Of(ModelRoute route, ulong unable)
    {
        // An answer that is too large would be paid for again: the caller must ask for less.
        var isPaused = _isPauseAsked && _worst is { MayFailOver: true, Failure: not (UpstreamFailure.RateLimited or UpstreamFailure.AnswersTooLarge) };
        if (!isPaused && _worst is { Failure: not (UpstreamFailure.ConnectionFailed or UpstreamFailure.Unsupported) })
        {
            return _worst;
        }

        // The other targets that were not tried have an open circuit, and may take the call when it closes.
        var soonest = TimeSpan.MaxValue;
        var areAllUnable = _worst is not null;
        var areAllLimited = _worst is null or { Failure: UpstreamFailure.Unsupported };
        for (var i = 0; i < route.Targets.Length; i++)
        {
            if ((unable & (1UL << i)) != 0)
            {
                continue;
            }

            var health = route.Targets[i].Backend.Health;
            var pause = health.Pause();
            soonest = pause < soonest ? pause : soonest;
            areAllUnable = false;
            areAllLimited &= health.Circuit is { IsClosed: false, Reason: UpstreamFailure.RateLimited };
        }

        return areAllUnable || (isPaused && soonest == TimeSpan.Zero) ? _worst! : new UpstreamError(
            areAllLimited ? UpstreamFailure.RateLimited : UpstreamFailure.Unavailable,
            RetryAfterSeconds: (int)Math.Clamp(Math.Ceiling(soonest.TotalSeconds), 1, BackendHealth.LongestPause.TotalSeconds));
    }

    // Without a Retry-After, the upstream may be asked again at once.
    private static bool IsSooner(UpstreamError limited, UpstreamError other) =>
        limited.Failure == UpstreamFailure.RateLimited && (limited.RetryAfterSeconds ?? 0) < (other.RetryAfterSeconds ?? 0);

    // The caller can change a field that the format does not support; a missing operation it cannot.
    private static int Rank(UpstreamError error) => error.Failure switch
    {
        UpstreamFailure.Unsupported => error is { Field: null, WasSent: false } ? 0 : 1,
        UpstreamFailure.AnswersTooLarge => 1,
        UpstreamFailure.ConnectionFailed => 2,
        UpstreamFailure.RateLimited => 3,
        UpstreamFailure.TimedOut => 4,
        _ => 5,
    };
}
