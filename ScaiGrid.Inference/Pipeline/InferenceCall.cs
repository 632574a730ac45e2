using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A call on its way through the targets of its model; what the operations share.</summary>
public abstract class InferenceCall
{
    private List<FailedAttempt>? _failures;
    private TimeSpan _upstreamTook;

    /// <summary>Who calls, and how.</summary>
    public required CallContext Context { get; init; }

    /// <summary>For traces, by the names of OpenTelemetry's conventions: <c>chat</c>, <c>embeddings</c> …</summary>
    public abstract string Operation { get; }

    /// <summary>The frontend model; set when it was found.</summary>
    public ModelRoute Route { get; set; } = null!;

    /// <summary>What was reserved for the call; null where nothing was.</summary>
    public AdmissionTicket? Ticket { get; internal set; }

    /// <summary>The id of the call's usage record, once there is one or a note of it.</summary>
    internal string? UsageId { get; set; }

    /// <summary>How near the caller is to its rate limits; known before the answer begins.</summary>
    public RateLimitState Limits { get; private set; }

    /// <summary>Targets tried, the one in use included; 0 while none was.</summary>
    public int Attempts { get; private set; }

    /// <summary>The target in use; set before each attempt.</summary>
    public Backend Backend { get; private set; } = null!;

    /// <summary>The backend that answered or, where none did, that was asked last; null where none was sent anything.</summary>
    public string? AskedBackendId { get; private set; }

    /// <summary>Timestamp at which the attempt began.</summary>
    internal long AttemptStartedAt { get; private set; }

    /// <summary>The attempt is the trial of a half-open circuit.</summary>
    internal bool IsTrial { get; private set; }

    /// <summary>The backend has answered: whatever happens to the call from here on, it is alive.</summary>
    internal bool IsAnswered { get; private set; }

    /// <summary>From acceptance to the first chunk of a stream.</summary>
    public TimeSpan? FirstChunkAfter { get; private set; }

    /// <summary>From acceptance to the answer, or to the last failure, without the time that was spent waiting for upstreams.</summary>
    public TimeSpan GatewayTook { get; private set; }

    /// <summary>The targets that failed, before the one that answered where one did.</summary>
    public IReadOnlyList<FailedAttempt> FailedAttempts => _failures ?? (IReadOnlyList<FailedAttempt>)[];

    /// <summary>The most that the call can use of <see cref="Route"/>.</summary>
    /// <param name="unboundedOutput">Output tokens, where neither the caller nor the model says how many.</param>
    public abstract CallBounds Bounds(int unboundedOutput);

    /// <summary>A budget relies on <see cref="Bounds"/>: where the upstream would not keep to them by itself, it is told.</summary>
    public virtual void KeepToBounds(int unboundedOutput)
    {
    }

    /// <summary>Called once, before anything is answered.</summary>
    public void ShowLimits(RateLimitState limits)
    {
        Limits = limits;
        Context.ShowLimits?.Invoke(limits);
    }

    internal void BeginAttempt(Backend backend, bool isTrial, long now)
    {
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

    /// <summary>No target took the call.</summary>
    internal void GaveUp(TimeSpan sinceStart)
    {
        GatewayTook = sinceStart - _upstreamTook;
        Context.ShowRouting?.Invoke(this);
    }
}

/// <param name="BackendId">Which backend did not take the call.</param>
/// <param name="Failure">Why.</param>
public readonly record struct FailedAttempt(string BackendId, UpstreamFailure Failure);
