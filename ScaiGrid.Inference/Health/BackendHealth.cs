using ScaiGrid.Core.Logging;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Health;

/// <summary>
/// What this process knows of a backend: its open calls, how its calls went lately, and its circuit breaker. One object for a backend's
/// whole life, whichever snapshots it is in.
/// </summary>
/// <remarks>
/// Read by each call and written at its end, without a lock: the circuit is an immutable value that is replaced by compare-and-swap.
/// The circuit opens after 5 failures in a row, or when half of at least 20 calls in 30 s failed; it half-opens after 15 s for one
/// trial, and each trial that fails doubles that, up to 5 minutes. A 429 or a 5xx that says how long to wait opens it at once for as long,
/// and so does an account that is used up, for a time of our own where none is said; a pause that was given doubles nothing.
/// What refuses our credentials, or does not know the model, three times in a row is no trouble of the upstream's: its circuit stays closed, but others
/// are asked first for 15 s from each such answer on.
/// </remarks>
public sealed class BackendHealth
{
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private const int FailuresInARow = 5;
    private const int FewestCalls = 20;

    /// <summary>One may be a caller's content, which some upstreams refuse with 403; while others' calls are answered, there are not as many in a row.</summary>
    private const int MisconfiguredInARow = 3;

    /// <summary>After which a trial that nobody ended counts as lost. Every call reports its end, so only a dead replica loses one.</summary>
    private static readonly TimeSpan TrialPatience = TimeSpan.FromMinutes(2);

    private readonly TimeProvider _time;
    private readonly Action<BackendHealth>? _changed;
    private readonly OutcomeWindow _window;
    private volatile Circuit _circuit = Circuit.Closed;
    private int _inFlight;
    private int _failuresInARow;
    private int _misconfiguredInARow;
    private long _misconfiguredUntil;
    private long _firstByteMicros;
    private long _answerMicros;

    /// <param name="id">The backend's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Told of each change of the circuit that this process made.</param>
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

    /// <summary>Moving average in microseconds of the time to the first token, of streams; where there were none, to the whole answer. 0: not measured.</summary>
    public long LatencyMicros => Volatile.Read(ref _firstByteMicros) is not 0 and var firstByte ? firstByte : Volatile.Read(ref _answerMicros);

    /// <summary>Calls and failures of the last 30 seconds in this process.</summary>
    public (int Calls, int Failures) Recent() => _window.Count();

    /// <summary>Whether it answered nobody lately, as its key or its model is wrong.</summary>
    public bool IsMisconfigured => Volatile.Read(ref _misconfiguredInARow) >= MisconfiguredInARow;

    /// <summary>Whether others are asked before it for that, which a strategy alone would not do, as it answers at once.</summary>
    /// <param name="now">Timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
    public bool IsLastResort(long now) => now < Volatile.Read(ref _misconfiguredUntil);

    public CircuitState State() => _circuit.State(_time.GetTimestamp());

    /// <summary>How long until a trial may pass; zero when one may now, or the circuit is closed.</summary>
    public TimeSpan Pause() => _circuit is { IsClosed: false } circuit && _time.GetElapsedTime(_time.GetTimestamp(), circuit.RetryAt) is { Ticks: > 0 } left
        ? left
        : TimeSpan.Zero;

    /// <summary>Takes a call in, unless the circuit is open, or half-open and another call was faster.</summary>
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
            // The upstream is well: it was the request.
            case UpstreamFailure.RequestRefused:
            case UpstreamFailure.Unsupported when error.WasSent:
                Answered(isTrial);
                return;

            // Neither health nor illness: a wrong key stays wrong, some upstreams refuse a caller's content with 403, one that was sent nothing
            // said nothing, and what a model makes nothing of is one caller's.
            case UpstreamFailure.Misconfigured:
                if (Interlocked.Increment(ref _misconfiguredInARow) >= MisconfiguredInARow)
                {
                    Volatile.Write(ref _misconfiguredUntil, _time.GetTimestamp() + Ticks(FirstPause));
                }

                Abandoned(isTrial);
                return;
            case UpstreamFailure.Unsupported or UpstreamFailure.ModelFailed or UpstreamFailure.CallerRevoked or UpstreamFailure.Stopping:
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

    /// <summary>The call ended without telling anything of the backend: the caller left before it answered.</summary>
    public void Abandoned(bool isTrial)
    {
        if (isTrial && _circuit is { IsTrial: true } circuit)
        {
            TryChange(circuit, circuit with { RetryAt = _time.GetTimestamp(), IsTrial = false });
        }
    }

    /// <summary>The backend is known to be well again.</summary>
    public void Close()
    {
        ForgetRefusals();
        Take(Circuit.Closed, isOurs: true);
    }

    /// <summary>Its key, model or address is another one, or it answered: that it refused our calls before tells nothing of the next.</summary>
    public void ForgetRefusals()
    {
        // Read first: each call's end comes here, and what is only read stays in every processor's cache.
        if (Volatile.Read(ref _misconfiguredInARow) != 0)
        {
            Volatile.Write(ref _misconfiguredInARow, 0);
            Volatile.Write(ref _misconfiguredUntil, 0);
        }
    }

    /// <summary>The backend may be well again: the next call finds out.</summary>
    public void HalfOpen()
    {
        if (_circuit is { IsClosed: false } circuit)
        {
            TryChange(circuit, circuit with { RetryAt = _time.GetTimestamp(), IsTrial = false });
        }
    }

    /// <summary>How long a circuit stays open that opened for the <paramref name="openings"/>th time in a row, where no pause was given.</summary>
    internal static TimeSpan PauseAfter(int openings) => AtMost(FirstPause * (1 << (openings - 1)));

    /// <summary>What another replica found out.</summary>
    internal void Learn(Circuit circuit)
    {
        if (circuit.IsClosed != _circuit.IsClosed || !circuit.IsClosed)
        {
            Take(circuit, isOurs: false);
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

        // A call that began before the circuit opened proves nothing of now.
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

        var openings = askedSeconds is null ? Math.Min(circuit.Openings + 1, 16) : Math.Max(circuit.Openings, 1);
        var pause = askedSeconds is { } seconds ? AtMost(TimeSpan.FromSeconds(seconds)) : PauseAfter(openings);
        TryChange(circuit, new Circuit(_time.GetTimestamp() + Ticks(pause), openings, reason, IsPauseGiven: askedSeconds is not null));
    }

    private void Take(Circuit circuit, bool isOurs)
    {
        var before = _circuit;
        _circuit = circuit;
        if (circuit.IsClosed && !before.IsClosed)
        {
            // What failed before is over: it must not open the circuit at the next failure.
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

    // The newest counts a fifth. Two writers at once may lose one sample, which an average can bear.
    private static void Average(ref long average, long sample)
    {
        var before = Volatile.Read(ref average);
        Volatile.Write(ref average, before == 0 ? Math.Max(sample, 1) : Math.Max(before + ((sample - before) / 5), 1));
    }
}
