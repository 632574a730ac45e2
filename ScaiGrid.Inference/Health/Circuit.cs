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
public sealed record Circuit(long RetryAt, int Openings, UpstreamFailure Reason, bool IsTrial = false)
{
    public static readonly Circuit Closed = new(0, 0, default);

    public bool IsClosed => Openings == 0;

    /// <summary>Whether a call may pass: all where it is closed, one trial where the time has come.</summary>
    public bool MayPass(long now) => Openings == 0 || now >= RetryAt;

    public CircuitState State(long now) => IsClosed ? CircuitState.Closed : MayPass(now) ? CircuitState.HalfOpen : CircuitState.Open;
}
