using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The time bounds of one attempt: a limit on each wait (first byte, next byte) and one over all. Its token ends with the
/// caller's disconnect or with the limit that was reached first.
/// </summary>
public sealed class CallActivity : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly CancellationToken _caller;
    private readonly TimeProvider _time;
    private readonly TimeSpan _idle;
    private readonly TimeSpan _overall;
    private readonly long _startedAt;

    public CallActivity(TimeProvider time, TimeSpan firstByte, TimeSpan idle, TimeSpan overall, CancellationToken caller)
    {
        (_time, _idle, _overall, _caller) = (time, idle, overall, caller);
        _startedAt = time.GetTimestamp();
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _source.CancelAfter(firstByte < overall ? firstByte : overall);
    }

    public CancellationToken Token => _source.Token;

    /// <summary>True when the caller has gone, rather than a limit been reached.</summary>
    public bool CallerIsGone => _caller.IsCancellationRequested;

    /// <summary>The error of a cancellation that was not the caller's.</summary>
    public static readonly UpstreamError TimeoutError = new(UpstreamFailure.TimedOut);

    /// <summary>Something came from the upstream: the next wait starts now.</summary>
    public void Progress()
    {
        var left = _overall - _time.GetElapsedTime(_startedAt);
        _source.CancelAfter(left < _idle ? (left > TimeSpan.Zero ? left : TimeSpan.Zero) : _idle);
    }

    public void Dispose() => _source.Dispose();
}
