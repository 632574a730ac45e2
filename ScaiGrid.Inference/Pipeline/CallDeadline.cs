using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The limits of one attempt: a timeout for each wait (start of the answer, next byte), an overall timeout, revocation of the caller's credential and
/// shutdown. Its token is cancelled by the caller's disconnect or by the first limit reached.
/// </summary>
/// <remarks>
/// Progress only writes a timestamp, which the single timer checks when it fires: resetting a timer for each read of a stream would
/// take the timer queue's lock each time.
/// </remarks>
public sealed class CallDeadline : IDisposable
{
    /// <summary>The time for the rest of an answer that is over, without its caller.</summary>
    private static readonly TimeSpan RestPatience = TimeSpan.FromSeconds(1);

    // Never disposed: it has no timer and no handle, and the timer callback may be about to cancel it.
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration _callerGone;
    private readonly CancellationTokenRegistration _callerRevoked;
    private readonly CancellationTokenRegistration _processStops;
    private readonly CancellationToken _caller;
    private readonly CancellationToken _revoked;
    private readonly CancellationToken _stopping;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _idle;
    private long _endsAt;
    private long _waitsUntil;
    private bool _isPaused;
    private bool _isRest;
    private bool _overallTimeoutReached;

    /// <param name="time">The clock.</param>
    /// <param name="firstByte">The timeout for the start of the answer: its first byte, or the first event of a stream.</param>
    /// <param name="idle">The timeout for each further byte.</param>
    /// <param name="overall">The overall timeout.</param>
    /// <param name="caller">The caller's disconnect.</param>
    /// <param name="revoked"><see cref="Core.Identity.Caller.Revoked"/>.</param>
    /// <param name="stopping">The shutdown of the process.</param>
    public CallDeadline(
        TimeProvider time, TimeSpan firstByte, TimeSpan idle, TimeSpan overall, CancellationToken caller, CancellationToken revoked, CancellationToken stopping)
    {
        (_time, _caller, _revoked, _stopping) = (time, caller, revoked, stopping);
        _idle = Ticks(idle);
        var now = time.GetTimestamp();
        _endsAt = now + Ticks(overall);
        _waitsUntil = now + Ticks(firstByte);
        _callerGone = caller.UnsafeRegister(static deadline => ((CallDeadline)deadline!).OnCallerGone(), this);
        _callerRevoked = revoked.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
        _processStops = stopping.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);

        // The shortest of them: the answer may start at once, and the first wait for a next byte end before the time of the start.
        var first = firstByte < idle ? firstByte : idle;
        _timer = time.CreateTimer(static deadline => ((CallDeadline)deadline!).OnTick(), this, first < overall ? first : overall, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => _source.Token;

    /// <summary>True if the caller disconnected.</summary>
    public bool CallerIsGone => _caller.IsCancellationRequested;

    /// <summary>The error of a cancellation that the caller's disconnect did not cause.</summary>
    public UpstreamError LimitError => _revoked.IsCancellationRequested ? UpstreamError.Revoked
        : _stopping.IsCancellationRequested ? UpstreamError.Stopping : UpstreamError.TimedOut;

    /// <summary>
    /// True if the overall timeout ended the call while the upstream was not late. Once the answer has begun, the cause is our limit or a
    /// slow caller, not the upstream.
    /// </summary>
    public bool OverallTimeoutReached => Volatile.Read(ref _overallTimeoutReached);

    /// <summary>Data arrived from the upstream: the next wait starts now, unless the deadline is paused.</summary>
    public void Progress() => Volatile.Write(ref _waitsUntil, _time.GetTimestamp() + _idle);

    /// <summary>
    /// Suspends the wait until <see cref="Resume"/>, whatever <see cref="Progress"/> a read that runs beside it makes: received data is being written to
    /// the caller, who may read slowly, which is not the upstream's fault.
    /// </summary>
    public void Pause() => Volatile.Write(ref _isPaused, true);

    /// <summary>Ends a pause: the next wait starts now.</summary>
    public void Resume()
    {
        Progress();
        Volatile.Write(ref _isPaused, false);
    }

    /// <summary>Ends the call at once.</summary>
    public void Cancel() => _source.Cancel();

    /// <summary>
    /// The answer is over, and only its usage is missing. If the caller disconnects now, as some do at a finish reason, the upstream may still tell it
    /// within <see cref="RestPatience"/>: otherwise it would have to be estimated.
    /// </summary>
    public void ExpectRest() => Volatile.Write(ref _isRest, true);

    /// <summary>Limits the rest of the call to <paramref name="patience"/>.</summary>
    public void EndWithin(TimeSpan patience)
    {
        Volatile.Write(ref _waitsUntil, _time.GetTimestamp() + Ticks(patience));
        Volatile.Write(ref _isPaused, false);
        _timer.Change(patience, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _callerGone.Dispose();
        _callerRevoked.Dispose();
        _processStops.Dispose();
        _timer.Dispose();
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    private void OnCallerGone()
    {
        if (!Volatile.Read(ref _isRest))
        {
            _source.Cancel();
            return;
        }

        Volatile.Write(ref _endsAt, Math.Min(_endsAt, _time.GetTimestamp() + Ticks(RestPatience)));
        _timer.Change(RestPatience, Timeout.InfiniteTimeSpan);
    }

    private void OnTick()
    {
        var waitsUntil = Volatile.Read(ref _isPaused) ? long.MaxValue : Volatile.Read(ref _waitsUntil);
        var now = _time.GetTimestamp();
        var left = Math.Min(waitsUntil, Volatile.Read(ref _endsAt)) - now;
        if (left <= 0)
        {
            Volatile.Write(ref _overallTimeoutReached, waitsUntil > now);
            _source.Cancel();
            return;
        }

        // A pause may end in the meantime.
        left = Math.Min(left, _idle);

        try
        {
            // A millisecond is the timer's own resolution.
            _timer.Change(TimeSpan.FromSeconds((double)left / _time.TimestampFrequency) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The call ended in the meantime.
        }
    }
}
