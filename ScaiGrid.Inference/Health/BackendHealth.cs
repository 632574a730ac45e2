using ScaiGrid.Core.Logging;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Health;

/// <summary>
/// The state of a backend in this process: open calls, recent outcomes, and circuit breaker. One object for a backend's
/// whole life, across snapshots.
/// </summary>
/// <remarks>
/// Read by each call and written at its end, without a lock: the circuit is an immutable value that is replaced by compare-and-swap.
/// The circuit opens after 5 failures in a row, or when half of at least 20 calls in 30 s failed; it half-opens after 15 s for one
/// trial, and each failed trial doubles that, up to 5 minutes. A 429 or 5xx with Retry-After opens it at once for that long, and so does an
/// exhausted account, for a default time if none is given; a given pause is not doubled.
/// Three refusals in a row of our credentials or the model are not a failure of the upstream: the circuit stays closed, but other targets
/// are preferred for 15 s. Each refusal after that doubles the time, up to 5 minutes.
/// </remarks>
public sealed class BackendHealth
{
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private const int FailuresInARow = 5;
    private const int FewestCalls = 20;

    /// <summary>A single 403 may be about a caller's content; while other calls are answered, there are not this many in a row.</summary>
    private const int MisconfiguredInARow = 3;

    /// <summary>Further openings in a row do not make the pause longer.</summary>
    private const int MostOpenings = 16;

    /// <summary>
    /// The time after which an unfinished trial counts as lost. Every call reports its end, so only a dead replica loses one. Longer than the
    /// default timeout of a call, so that a trial which times out is the only one until then.
    /// </summary>
    private static readonly TimeSpan TrialPatience = LongestPause;

    /// <summary>What other callers are told to wait while a trial is under way: it usually ends soon.</summary>
    private static readonly TimeSpan TrialPause = TimeSpan.FromSeconds(2);

    private readonly TimeProvider _time;
    private readonly Action<BackendHealth>? _changed;
    private readonly OutcomeWindow _window;
    private volatile Circuit _circuit = Circuit.Closed;
    private int _inFlight;
    private int _failuresInARow;
    private int _misconfiguredInARow;
    private int _misconfiguredPauses;
    private long _misconfiguredUntil;
    private volatile bool _hasRefusedRequest;
    private long _firstByteMicros;
    private long _answerMicros;

    /// <param name="id">The backend's id.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called after each change of the circuit by this process.</param>
    public BackendHealth(string id, TimeProvider time, Action<BackendHealth>? changed = null)
    {
        (Id, _time, _changed) = (id, time, changed);
        _window = new OutcomeWindow(time);
        FailureLog = new LogGate<UpstreamFailure>(time);
    }

    public string Id { get; }

    /// <summary>Which of its failures are logged.</summary>
    public LogGate<UpstreamFailure> FailureLog { get; }

    public Circuit Circuit => _circuit;

    /// <summary>Calls that this process has open on the backend.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Moving average, in microseconds, of the time to a stream's first token or, without streams, to the whole answer. 0: not measured.</summary>
    public long LatencyMicros => Volatile.Read(ref _firstByteMicros) is not 0 and var firstByte ? firstByte : Volatile.Read(ref _answerMicros);

    /// <summary>
    /// True if its latency is to be measured now: never measured, not being measured by another call, and not known to refuse requests, which would leave
    /// it unmeasured however many it gets.
    /// </summary>
    public bool IsToBeMeasured => LatencyMicros == 0 && InFlight == 0 && !_hasRefusedRequest;

    /// <summary>Calls and failures of the last 30 seconds in this process.</summary>
    public (int Calls, int Failures) Recent() => _window.Count();

    /// <summary>True if the upstream has refused every recent call because the key or the model is wrong.</summary>
    public bool IsMisconfigured => Volatile.Read(ref _misconfiguredInARow) >= MisconfiguredInARow;

    /// <summary>True if other targets are preferred for that reason. A strategy alone would not prefer them, because refusals are fast.</summary>
    /// <param name="now">Timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
    public bool IsLastResort(long now) => now < Volatile.Read(ref _misconfiguredUntil);

    /// <summary>Whether it takes calls: its circuit is closed, and its upstream accepts the key and knows the model.</summary>
    public bool IsHealthy => State() is CircuitState.Closed && !IsMisconfigured;

    public CircuitState State() => _circuit.State(_time.GetTimestamp());

    /// <summary>The time until a trial may pass; zero if one may now or the circuit is closed. Short while one is under way.</summary>
    public TimeSpan Pause() => _circuit is { IsClosed: false } circuit && _time.GetElapsedTime(_time.GetTimestamp(), circuit.RetryAt) is { Ticks: > 0 } left
        ? circuit.IsTrial && left > TrialPause ? TrialPause : left
        : TimeSpan.Zero;

    /// <summary>Admits a call, unless the circuit is open, or half-open and another call became the trial.</summary>
    /// <param name="isTrial">The call is the trial of a half-open circuit.</param>
    public bool TryEnter(out bool isTrial)
    {
        var circuit = _circuit;
        isTrial = !circuit.IsClosed;
        if (isTrial)
        {
            var now = _time.GetTimestamp();
            if (!circuit.MayPass(now) || !TryChange(circuit, circuit with { RetryAt = now + Ticks(TrialPatience), IsTrial = true }))
            {
                return false;
            }
        }

        Interlocked.Increment(ref _inFlight);
        return true;
    }

    public void Leave() => Interlocked.Decrement(ref _inFlight);

    /// <summary>The backend answered: its first chunk, or its whole answer.</summary>
    public void Succeeded(bool isTrial, TimeSpan took, bool isStream)
    {
        Average(ref (isStream ? ref _firstByteMicros : ref _answerMicros), (long)took.TotalMicroseconds);
        Answered(isTrial);
    }

    public void Failed(bool isTrial, UpstreamError error)
    {
        switch (error.Failure)
        {
            // The upstream is healthy: the request was wrong.
            case UpstreamFailure.RequestRefused:
            case UpstreamFailure.Unsupported when error.WasSent:
                _hasRefusedRequest = true;
                Answered(isTrial);
                return;

            // Evidence of neither health nor failure: a wrong key stays wrong, some upstreams refuse a caller's content with 403, nothing may have been
            // sent, and a conversation that the model fails on is one caller's.
            case UpstreamFailure.Misconfigured:
                Refused();
                Abandoned(isTrial);
                return;
            case UpstreamFailure.Unsupported or UpstreamFailure.ModelFailed or UpstreamFailure.AnswersTooLarge or UpstreamFailure.CallerRevoked or UpstreamFailure.Stopping:
                Abandoned(isTrial);
                return;
        }

        _window.Add(isFailure: true);
        var inARow = Interlocked.Increment(ref _failuresInARow);
        var (calls, failures) = _window.Count();
        var asked = error.Failure is UpstreamFailure.RateLimited or UpstreamFailure.ServerError ? error.RetryAfterSeconds : null;
        if (isTrial || asked is not null || inARow >= FailuresInARow || (calls >= FewestCalls && failures * 2 >= calls))
        {
            Open(isTrial, error.Failure, asked);
        }
    }

    /// <summary>The call ended without evidence about the backend, for example because the caller left before it answered.</summary>
    public void Abandoned(bool isTrial)
    {
        if (isTrial && _circuit is { IsTrial: true } circuit)
        {
            TryChange(circuit, circuit with { RetryAt = _time.GetTimestamp(), IsTrial = false });
        }
    }

    /// <summary>The backend is known to be healthy again.</summary>
    public void Close()
    {
        ForgetRefusals();
        Take(Circuit.Closed, isOurs: true);
    }

    /// <summary>Its key, model or address changed, or it answered: earlier refusals no longer predict the next.</summary>
    public void ForgetRefusals()
    {
        // Read first: every call ends here, and a value that is only read stays in every processor's cache.
        if (Volatile.Read(ref _misconfiguredInARow) != 0)
        {
            Volatile.Write(ref _misconfiguredInARow, 0);
            _misconfiguredPauses = 0;
            Volatile.Write(ref _misconfiguredUntil, 0);
        }
    }

    /// <summary>The time that a circuit stays open after <paramref name="openings"/> openings in a row, if no pause was given.</summary>
    internal static TimeSpan PauseAfter(int openings) => AtMost(FirstPause * (1 << (openings - 1)));

    /// <summary>Takes over another replica's state.</summary>
    internal void Learn(Circuit circuit)
    {
        if (circuit.IsClosed != _circuit.IsClosed || !circuit.IsClosed)
        {
            Take(circuit, isOurs: false);
        }
    }

    // Calls that are refused together count as one: only a refusal after the pause doubles the next one.
    private void Refused()
    {
        var (now, until) = (_time.GetTimestamp(), Volatile.Read(ref _misconfiguredUntil));
        if (Interlocked.Increment(ref _misconfiguredInARow) < MisconfiguredInARow || now < until)
        {
            return;
        }

        var pauses = Math.Min(_misconfiguredPauses + 1, MostOpenings);
        if (Interlocked.CompareExchange(ref _misconfiguredUntil, now + Ticks(PauseAfter(pauses)), until) == until)
        {
            _misconfiguredPauses = pauses;
        }
    }

    private void Answered(bool isTrial)
    {
        _window.Add(isFailure: false);
        if (Volatile.Read(ref _failuresInARow) != 0)
        {
            Volatile.Write(ref _failuresInARow, 0);
        }

        ForgetRefusals();

        // A call that began before the circuit opened is not evidence about now.
        if (isTrial)
        {
            Close();
        }
    }

    private void Open(bool isTrial, UpstreamFailure reason, int? askedSeconds)
    {
        var circuit = _circuit;
        if (!circuit.IsClosed && !isTrial)
        {
            // Calls that began before it opened and fail one after the other must not double its pause.
            return;
        }

        var openings = askedSeconds is null ? Math.Min(circuit.Openings + 1, MostOpenings) : Math.Max(circuit.Openings, 1);
        var pause = askedSeconds is { } seconds ? AtMost(TimeSpan.FromSeconds(seconds)) : PauseAfter(openings);
        TryChange(circuit, new Circuit(_time.GetTimestamp() + Ticks(pause), openings, reason, IsPauseGiven: askedSeconds is not null));
    }

    private void Take(Circuit circuit, bool isOurs)
    {
        var before = _circuit;
        _circuit = circuit;
        if (circuit.IsClosed && !before.IsClosed)
        {
            // Earlier failures must not make the next one open the circuit.
            _window.Clear();
            Volatile.Write(ref _failuresInARow, 0);
        }

        if (isOurs && before != circuit)
        {
            _changed?.Invoke(this);
        }
    }

    private bool TryChange(Circuit from, Circuit to)
    {
        if (Interlocked.CompareExchange(ref _circuit, to, from) != from)
        {
            return false;
        }

        _changed?.Invoke(this);
        return true;
    }

    private static TimeSpan AtMost(TimeSpan pause) => pause < LongestPause ? pause : LongestPause;

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    // The newest sample has weight 1/5. Concurrent writers may lose one sample, which does not matter to an average.
    private static void Average(ref long average, long sample)
    {
        var before = Volatile.Read(ref average);
        Volatile.Write(ref average, before == 0 ? Math.Max(sample, 1) : Math.Max(before + ((sample - before) / 5), 1));
    }
}
