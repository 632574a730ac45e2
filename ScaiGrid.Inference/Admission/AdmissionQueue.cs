using System.Collections.Concurrent;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Runs the admission script for one slot. Calls and settlements that arrive during a run are sent with the next one: a call waits for
/// one round trip, and under load many calls share it.
/// </summary>
/// <remarks>
/// Settlements are sent before later calls, so that a caller who has seen the end of an answer finds its reservation released. Without a
/// call they wait for <see cref="Linger"/>, or until they fill a run. Returned tickets are sent last.
/// </remarks>
internal sealed class AdmissionQueue : IDisposable
{
    /// <summary>Redis does nothing else while a script runs: this many calls take about a millisecond.</summary>
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

    /// <param name="redis">The shared client.</param>
    /// <param name="time">The clock.</param>
    /// <param name="process">The id of this process, the owner of its reservations.</param>
    /// <param name="settled">Called with the outcome of each settlement; must not block.</param>
    /// <param name="makeLine">Creates a connection of the queue's own; null to use the shared client only.</param>
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

        // Pairs with the barrier in Next: either this sees that the runs have ended, or Next sees the settlement.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isRunning) != 0)
        {
            return;
        }

        // A full run is sent at once: a call that arrives then waits for one run of settlements, not for several.
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

    /// <summary>Called at the end of a run; starts the next one if anything waits.</summary>
    private void Ended(AdmissionBatch run, ReadOnlySpan<byte> answer, Exception? failure)
    {
        if (failure is not null)
        {
            // Everything that waits fails with it instead of waiting for another failure.
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

    /// <returns>The next run; null if nothing waits, and then the queue is idle.</returns>
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

            // An item queued in between saw the queue as running: look once more.
            Interlocked.MemoryBarrier();
        }
        while (HasWork && Interlocked.CompareExchange(ref _isRunning, 1, 0) == 0);
        return null;
    }
}
