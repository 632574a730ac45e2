using System.Collections.Concurrent;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Runs the admission script for one slot. Calls that come while a run is on its way go with the next one, and so do settlements: a call
/// waits for one round trip, and under load many share it.
/// </summary>
/// <remarks>
/// Settlements go out before the calls that came after them, so that a caller who has seen the end of an answer finds its reservation given
/// back. Where no call comes, they wait for <see cref="Linger"/>, to be carried by one, or until they fill a run. Tickets that are
/// returned go last.
/// </remarks>
internal sealed class AdmissionQueue : IDisposable
{
    /// <summary>Redis does nothing else while a script runs: this many calls are a millisecond or two.</summary>
    private const int MostAtOnce = 64;

    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(20);

    private readonly IConnectionMultiplexer _redis;
    private readonly AdmissionLine? _line;
    private readonly TimeProvider _time;
    private readonly RedisValue _process;
    private readonly Action<Unsettled, Exception?> _settled;
    private readonly ConcurrentQueue<AdmissionQuestion> _questions = new();
    private readonly ConcurrentQueue<Unsettled> _settlements = new();
    private readonly ConcurrentQueue<Unsettled> _returns = new();
    private readonly Action<AdmissionQuestion> _ask;
    private readonly ITimer _timer;
    private int _isRunning;
    private int _isTimed;

    /// <param name="redis">Where to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="process">The owner of what is reserved.</param>
    /// <param name="settled">Told how each settlement ended; not to block.</param>
    /// <param name="makeLine">Makes a connection of its own; null where it shares the client's.</param>
    public AdmissionQueue(
        IConnectionMultiplexer redis,
        TimeProvider time,
        RedisValue process,
        Action<Unsettled, Exception?> settled,
        Func<AdmissionLine.Ended, AdmissionLine>? makeLine = null)
    {
        (_redis, _time, _process, _settled) = (redis, time, process, settled);
        _ask = Ask;
        _line = makeLine?.Invoke(Ended);
        _timer = time.CreateTimer(static queue => ((AdmissionQueue)queue!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private bool HasWork => !_questions.IsEmpty || !_settlements.IsEmpty || !_returns.IsEmpty;

    public Task<AdmissionAnswer> AskAsync(AdmissionQuestion question)
    {
        Ask(question);
        return question.Task;
    }

    public void Settle(Unsettled settlement)
    {
        (settlement.Mode is SettleMode.Return ? _returns : _settlements).Enqueue(settlement);

        // Pairs with the fence of Next: either this sees that the turn is over, or whoever ends it sees the settlement.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isRunning) != 0)
        {
            return;
        }

        // A call that comes waits for one run of them, not for several.
        if (_settlements.Count >= MostAtOnce)
        {
            TryRun();
        }
        else if (Interlocked.Exchange(ref _isTimed, 1) == 0)
        {
            _timer.Change(Linger, Timeout.InfiniteTimeSpan);
        }
    }

    public void LookAgain() => _line?.LookAgain();

    public void Dispose()
    {
        _timer.Dispose();
        _line?.Dispose();
    }

    private void Ask(AdmissionQuestion question)
    {
        _questions.Enqueue(question);
        TryRun();
    }

    private void OnTimer()
    {
        Volatile.Write(ref _isTimed, 0);
        TryRun();
    }

    private void TryRun()
    {
        if (Interlocked.CompareExchange(ref _isRunning, 1, 0) == 0 && Next() is { } run)
        {
            Run(run);
        }
    }

    private void Run(AdmissionBatch run)
    {
        if (_line?.TrySend(run) is not true)
        {
            _ = RunSharedAsync(run);
        }
    }

    private async Task RunSharedAsync(AdmissionBatch run)
    {
        byte[]? answer = null;
        Exception? failure = null;
        try
        {
            answer = (byte[]?)await run.SendAsync(_redis.GetDatabase());
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        Ended(run, answer, failure);
    }

    /// <summary>One run after the other, as long as there is something to run.</summary>
    private void Ended(AdmissionBatch run, ReadOnlySpan<byte> answer, Exception? failure)
    {
        if (failure is not null)
        {
            // Who waits behind a failure does not wait for another one.
            run.Take(_questions, _settlements, _returns, int.MaxValue);
            run.Fail(failure, _settled);
        }

        if (Next() is { } next)
        {
            Run(next);
        }

        if (failure is null)
        {
            run.End(answer, _settled, _ask);
        }
    }

    /// <returns>Null when nothing waits: the turn is over then.</returns>
    private AdmissionBatch? Next()
    {
        do
        {
            if (HasWork)
            {
                var batch = new AdmissionBatch(_process, _time);
                batch.Take(_questions, _settlements, _returns, MostAtOnce);
                batch.Join();
                return batch;
            }

            Volatile.Write(ref _isRunning, 0);

            // Whoever came between found it running.
            Interlocked.MemoryBarrier();
        }
        while (HasWork && Interlocked.CompareExchange(ref _isRunning, 1, 0) == 0);
        return null;
    }
}
