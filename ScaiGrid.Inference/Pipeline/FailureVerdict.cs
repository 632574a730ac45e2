using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// What the caller is told when no target took the call: not how the first of them failed, but what says most of what a retry would
/// meet. An upstream that answered and failed goes before one that was too slow, that before one whose limit is reached, that before
/// one that was not there, and that before one that could not be sent the request; where none was there, the model is unavailable.
/// </summary>
internal struct FailureVerdict
{
    private const int LongestRetryAfter = 300;

    private UpstreamError? _worst;

    public void Add(UpstreamError error)
    {
        if (_worst is null || Rank(error.Failure) >= Rank(_worst.Failure))
        {
            _worst = _worst is { Failure: UpstreamFailure.RateLimited } && error.Failure == UpstreamFailure.RateLimited && Wait(_worst) < Wait(error) ? _worst : error;
        }
    }

    public readonly UpstreamError Of(ModelRoute route)
    {
        if (_worst is { Failure: not (UpstreamFailure.ConnectionFailed or UpstreamFailure.Unsupported) })
        {
            return _worst;
        }

        var soonest = TimeSpan.MaxValue;
        var areAllLimited = _worst is null;
        var areAllWell = true;
        foreach (var target in route.Targets)
        {
            var pause = target.Backend.Health.Pause();
            soonest = pause < soonest ? pause : soonest;
            areAllWell &= target.Backend.Health.Circuit.IsClosed;
            areAllLimited &= target.Backend.Health.Circuit is { IsClosed: false, Reason: UpstreamFailure.RateLimited };
        }

        // One that is out now may take what these cannot.
        if (areAllWell && _worst is { Failure: UpstreamFailure.Unsupported })
        {
            return _worst;
        }

        return new UpstreamError(
            areAllLimited ? UpstreamFailure.RateLimited : UpstreamFailure.Unavailable,
            RetryAfterSeconds: (int)Math.Clamp(Math.Ceiling(soonest.TotalSeconds), 1, LongestRetryAfter));
    }

    // One who does not say how long may be asked again at once.
    private static int Wait(UpstreamError limited) => limited.RetryAfterSeconds ?? 0;

    private static int Rank(UpstreamFailure failure) => failure switch
    {
        UpstreamFailure.Unsupported => 0,
        UpstreamFailure.ConnectionFailed => 1,
        UpstreamFailure.RateLimited => 2,
        UpstreamFailure.TimedOut => 3,
        _ => 4,
    };
}
