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
/// <param name="RetryAt">The timestamp (<see cref="TimeProvider.GetTimestamp"/>) from which a trial may pass.</param>
/// <param name="Openings">The number of openings in a row; after the first, those with a given pause do not count. 0 if closed.</param>
/// <param name="Reason">What opened it.</param>
/// <param name="IsTrial">A trial is under way; <paramref name="RetryAt"/> is when it counts as lost.</param>
/// <param name="IsPauseGiven">The upstream set the pause, which must not be shortened.</param>
public sealed record Circuit(long RetryAt, int Openings, UpstreamFailure Reason, bool IsTrial = false, bool IsPauseGiven = false)
{
    public static readonly Circuit Closed = new(0, 0, default);

    public bool IsClosed => Openings == 0;

    /// <summary>True if a call may pass: any if closed, one trial if the pause is over.</summary>
    public bool MayPass(long now) => Openings == 0 || now >= RetryAt;

    public CircuitState State(long now) => IsClosed ? CircuitState.Closed : MayPass(now) ? CircuitState.HalfOpen : CircuitState.Open;

    /// <summary>The new state after the upstream listed its models, which shows that it is reachable, not that calls succeed.</summary>
    /// <returns>Null if nothing changes.</returns>
    public Circuit? WhenListed(TimeProvider time)
    {
        var now = time.GetTimestamp();

        // A requested pause is respected, and a running trial is better evidence than a list.
        if (IsClosed || IsPauseGiven || Reason == UpstreamFailure.RateLimited || (IsTrial && !MayPass(now)))
        {
            return null;
        }

        if (Reason is UpstreamFailure.ConnectionFailed)
        {
            return Closed;
        }

        // Either calls failed, or hung, while listing worked, or the whole upstream failed and has recovered: a trial shows which. Not at each
        // probe, or callers would bear the failures of an upstream that stays down.
        var openFor = BackendHealth.PauseAfter(Openings) - time.GetElapsedTime(now, RetryAt);
        return MayPass(now) || openFor < BackendHealth.FirstPause ? null : this with { RetryAt = now, IsTrial = false };
    }
}
