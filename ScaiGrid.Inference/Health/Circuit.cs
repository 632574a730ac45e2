using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Health;

/// <summary>Whether calls go to a backend. Its number is the value of the metric.</summary>
public enum CircuitState
{
    /// <summary>Calls go through.</summary>
    Closed = 0,

    /// <summary>The next call is a trial.</summary>
    HalfOpen = 1,

    /// <summary>No call goes through, or only the trial that is under way.</summary>
    Open = 2,
}

/// <summary>The state of a backend's circuit breaker: immutable, and replaced whole.</summary>
/// <param name="RetryAt">Timestamp (<see cref="TimeProvider.GetTimestamp"/>) from which a trial may pass.</param>
/// <param name="Openings">How often in a row it opened, those after the first not counted whose pause was given: 0 when it is closed.</param>
/// <param name="Reason">What opened it.</param>
/// <param name="IsTrial">A trial is under way; <paramref name="RetryAt"/> is when it counts as lost.</param>
/// <param name="IsPauseGiven">The upstream said how long to wait, and nobody shortens that.</param>
public sealed record Circuit(long RetryAt, int Openings, UpstreamFailure Reason, bool IsTrial = false, bool IsPauseGiven = false)
{
    public static readonly Circuit Closed = new(0, 0, default);

    public bool IsClosed => Openings == 0;

    /// <summary>Whether a call may pass: all where it is closed, one trial where the time has come.</summary>
    public bool MayPass(long now) => Openings == 0 || now >= RetryAt;

    public CircuitState State(long now) => IsClosed ? CircuitState.Closed : MayPass(now) ? CircuitState.HalfOpen : CircuitState.Open;

    /// <summary>What it becomes when its upstream lists its models, which tells that the upstream is there, not that calls succeed.</summary>
    /// <returns>Null where that changes nothing.</returns>
    public Circuit? WhenListed(TimeProvider time)
    {
        var now = time.GetTimestamp();

        // Who asked for patience gets it, and a trial that is under way tells more than a list.
        if (IsClosed || IsPauseGiven || Reason == UpstreamFailure.RateLimited || (IsTrial && !MayPass(now)))
        {
            return null;
        }

        if (Reason is UpstreamFailure.ConnectionFailed or UpstreamFailure.TimedOut or UpstreamFailure.Cut)
        {
            return Closed;
        }

        // Calls failed while the models were listed all along, or the whole upstream was ill and is well again: a trial finds out which, but
        // not at each look, or callers would pay for an upstream that stays ill.
        var openFor = BackendHealth.PauseAfter(Openings) - time.GetElapsedTime(now, RetryAt);
        return MayPass(now) || openFor < BackendHealth.FirstPause ? null : this with { RetryAt = now, IsTrial = false };
    }
}
