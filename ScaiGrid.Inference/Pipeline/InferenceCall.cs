using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A call, with the state that all operations share.</summary>
public abstract class InferenceCall
{
    private List<FailedAttempt>? _failures;
    private TimeSpan _upstreamTook;
    private Backend? _spender;

    /// <summary>The caller and the surface.</summary>
    public required CallContext Context { get; init; }

    /// <summary>The operation's name in traces, by OpenTelemetry's conventions: <c>chat</c>, <c>embeddings</c> …</summary>
    public abstract string Operation { get; }

    /// <summary>The frontend model; set once it is resolved.</summary>
    public ModelRoute Route { get; set; } = null!;

    /// <summary>The reservation for the call; null if there is none.</summary>
    public AdmissionTicket? Ticket { get; internal set; }

    /// <summary>The id of the call's usage record; null until the record or a note of it exists.</summary>
    internal string? UsageId { get; set; }

    /// <summary>The number of targets tried, including the current one.</summary>
    public int Attempts { get; private set; }

    /// <summary>The current target; set before each attempt.</summary>
    public Backend Backend { get; private set; } = null!;

    /// <summary>The backend that answered or, if none did, was asked last; null if nothing was sent to any.</summary>
    public string? AskedBackendId { get; private set; }

    /// <summary>Timestamp at which the attempt began.</summary>
    internal long AttemptStartedAt { get; private set; }

    /// <summary>Timestamp at which the first attempt began.</summary>
    internal long FirstAttemptAt { get; private set; }

    /// <summary>Earlier attempts have left the current one less time than its backend is usually given.</summary>
    internal bool IsCutShort { get; set; }

    /// <summary>The attempt is the trial of a half-open circuit.</summary>
    internal bool IsTrial { get; private set; }

    /// <summary>The most that a backend did before it failed, and charges for; null if nothing.</summary>
    internal MeteredUsage? Spent { get; private set; }

    /// <summary>True once the backend has answered: it is alive, whatever then happens to the call.</summary>
    internal bool IsAnswered { get; private set; }

    /// <summary>The time from acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; private set; }

    /// <summary>The time from acceptance to the answer or the last failure, without the time spent waiting for upstreams.</summary>
    public TimeSpan GatewayTook { get; private set; }

    /// <summary>The failed attempts, in order.</summary>
    public IReadOnlyList<FailedAttempt> FailedAttempts => _failures ?? (IReadOnlyList<FailedAttempt>)[];

    /// <summary>The most that the call can use of <see cref="Route"/>.</summary>
    /// <param name="unboundedOutput">The output tokens to assume if neither the caller nor the model sets a limit.</param>
    public abstract CallBounds Bounds(int unboundedOutput);

    /// <summary>Makes the upstream enforce <see cref="Bounds"/> (sends an output limit), because a budget has reserved for them.</summary>
    public virtual void KeepToBounds(int unboundedOutput)
    {
    }

    /// <summary>Called once, before anything is answered.</summary>
    public void ShowLimits(RateLimitState limits) => Context.ShowLimits?.Invoke(limits);

    internal void BeginAttempt(Backend backend, bool isTrial, long now)
    {
        FirstAttemptAt = Attempts == 0 ? now : FirstAttemptAt;
        Attempts++;
        (Backend, IsTrial, AttemptStartedAt) = (backend, isTrial, now);
    }

    internal void AttemptFailed(UpstreamError error, TimeSpan took)
    {
        AskedBackendId = error.WasSent ? Backend.Id : AskedBackendId;
        _upstreamTook += took;
        (_failures ??= new List<FailedAttempt>(2)).Add(new FailedAttempt(Backend.Id, error.Failure));
    }

    internal void Answered(TimeSpan took, TimeSpan sinceStart, bool isStream)
    {
        IsAnswered = true;
        AskedBackendId = Backend.Id;
        GatewayTook = sinceStart - _upstreamTook - took;
        FirstChunkAfter = isStream ? sinceStart : null;
        Context.ShowRouting?.Invoke(this);
    }

    /// <summary>The current backend has failed, but charges for a part. The caller pays the largest part of one backend: no more was reserved.</summary>
    internal void AddSpent(MeteredUsage spent)
    {
        if (Spent is not { Usage: var most } || (spent.Usage.Total, spent.Usage.Images).CompareTo((most.Total, most.Images)) > 0)
        {
            (_spender, Spent) = (Backend, spent);
        }
    }

    /// <summary>No target took the call. What was spent is settled as its spender's.</summary>
    internal void GaveUp(TimeSpan sinceStart)
    {
        Backend = _spender ?? Backend;
        GatewayTook = sinceStart - _upstreamTook;
        Context.ShowRouting?.Invoke(this);
    }
}

/// <param name="BackendId">The backend that did not take the call.</param>
/// <param name="Failure">The reason.</param>
public readonly record struct FailedAttempt(string BackendId, UpstreamFailure Failure);
