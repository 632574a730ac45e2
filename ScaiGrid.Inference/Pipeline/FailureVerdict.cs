using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// What the caller is told when no target took the call: not how the first of them failed, but what says most of what a retry would
/// meet. An upstream that answered and failed goes before one that was too slow, that before one whose limit is reached, that before
/// one that was not there, and that before one that cannot take the request; where none was there, the model is unavailable.
/// </summary>
internal struct FailureVerdict
{
    private UpstreamError? _worst;

    public void Add(UpstreamError error)
    {
        if (_worst is null || Rank(error) > Rank(_worst) || (Rank(error) == Rank(_worst) && !IsSooner(_worst, error)))
        {
            _worst = error;
        }
    }

    /// <param name="route">The model.</param>
    /// <param name="unable">Bit mask by index of the targets that can never take this call.</param>
    public readonly UpstreamError Of(ModelRoute route, ulong unable)
    {
        if (_worst is { Failure: not (UpstreamFailure.ConnectionFailed or UpstreamFailure.Unsupported) })
        {
            return _worst;
        }

        // Of the others, those that were not tried are out, and may take the call when they are back.
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

        return areAllUnable ? _worst! : new UpstreamError(
            areAllLimited ? UpstreamFailure.RateLimited : UpstreamFailure.Unavailable,
            RetryAfterSeconds: (int)Math.Clamp(Math.Ceiling(soonest.TotalSeconds), 1, BackendHealth.LongestPause.TotalSeconds));
    }

    // One who does not say how long may be asked again at once.
    private static bool IsSooner(UpstreamError limited, UpstreamError other) =>
        limited.Failure == UpstreamFailure.RateLimited && (limited.RetryAfterSeconds ?? 0) < (other.RetryAfterSeconds ?? 0);

    // What of the request cannot be said is something the caller can change; that there is no such operation is not.
    private static int Rank(UpstreamError error) => error.Failure switch
    {
        UpstreamFailure.Unsupported => error is { Field: null, WasSent: false } ? 0 : 1,
        UpstreamFailure.ConnectionFailed => 2,
        UpstreamFailure.RateLimited => 3,
        UpstreamFailure.TimedOut => 4,
        _ => 5,
    };
}
