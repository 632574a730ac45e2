using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>Admission's access to Redis: runs the scripts, and tracks whether Redis is a cluster and whether it answers at the moment.</summary>
internal sealed class AdmissionStore : IDisposable
{
    /// <summary>After a failure, no call waits for Redis until this time has passed.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly IConnectionMultiplexer _redis;
    private readonly TimeProvider _time;
    private readonly RedisValue _process;
    private readonly AdmissionQueue _queue;

    // By tenant or partner, for a cluster: a script's keys must share a slot.
    private readonly ConcurrentDictionary<string, AdmissionQueue> _queues = new();
    private readonly Func<string, AdmissionQueue> _makeQueue;
    private long _failedAt;
    private int _topology;

    public AdmissionStore(IConnectionMultiplexer redis, RedisPrimary primary, TimeProvider time, ILogger<AdmissionLine> logger)
    {
        (_redis, _time) = (redis, time);
        Process = Ulid.NewUlid(time.GetUtcNow()).ToString();
        _process = Process;
        _queue = new AdmissionQueue(redis, time, _process, OnSettled, ended => new AdmissionLine(primary, time, ended, logger));
        _makeQueue = _ => new AdmissionQueue(redis, time, _process, OnSettled);
        redis.ConfigurationChanged += OnChange;
        redis.ConnectionRestored += OnRestored;
    }

    /// <summary>The id of this process as owner of reservations.</summary>
    public string Process { get; }

    /// <summary>Called with the outcome of each settlement that <see cref="Settle"/> sent; must not block.</summary>
    public Action<Unsettled, Exception?>? Settled { get; set; }

    /// <summary>False shortly after a failure: calls are then decided without Redis instead of waiting for it.</summary>
    public bool IsUsable => Volatile.Read(ref _failedAt) is var failedAt && (failedAt == 0 || _time.GetElapsedTime(failedAt) > Pause);

    /// <summary>Whether the latest command failed.</summary>
    public bool IsAway => Volatile.Read(ref _failedAt) != 0;

    public bool IsCluster
    {
        get
        {
            if (_topology == 0 && _redis.IsConnected)
            {
                _topology = _redis.GetServers().Any(server => server.ServerType == ServerType.Cluster) ? 2 : 1;
            }

            return _topology == 2;
        }
    }

    public IDatabase Database => _redis.GetDatabase();

    /// <summary>Asks whether a call may run. Waiting settlements are sent along.</summary>
    /// <param name="part">The limits and budgets to check.</param>
    /// <param name="ticket">What the call would reserve.</param>
    /// <param name="now">The time of the call.</param>
    /// <param name="throttleMs">Milliseconds between calls under a budget that throttles.</param>
    /// <param name="isShort">See <see cref="AdmissionQuestion.IsShort"/>.</param>
    /// <param name="mayJoin">See <see cref="AdmissionQuestion.MayJoin"/>.</param>
    public Task<AdmissionAnswer> AdmitAsync(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs, bool isShort, bool mayJoin) =>
        QueueOf(part).AskAsync(new AdmissionQuestion(part, ticket, now, throttleMs, isShort) { MayJoin = mayJoin });

    /// <summary>Prefetches tickets for calls that have not arrived yet.</summary>
    public Task<AdmissionAnswer> AdmitAheadAsync(AdmissionPart part, AdmissionTicket[] tickets, DateTimeOffset now) =>
        QueueOf(part).AskAsync(new AdmissionQuestion(part, tickets[0], now, throttleMs: 0, isShort: true) { Ahead = tickets });

    /// <summary>Asks in a run of its own, for parts that are too many to have a queue each (one per client address).</summary>
    public async Task<AdmissionAnswer> AdmitAloneAsync(AdmissionPart part, DateTimeOffset now)
    {
        var question = new AdmissionQuestion(part, AdmissionTicket.Empty, now, throttleMs: 0, isShort: true);
        var batch = new AdmissionBatch(_process, _time);
        batch.Add(question);
        batch.End((byte[]?)await batch.SendAsync(Database), OnSettled, askAgain: static _ => throw new UnreachableException("One question is asked alone."));
        return await question.Task;
    }

    /// <summary>Queues a settlement: it is sent with the next call, or alone after a while. <see cref="Settled"/> reports its outcome.</summary>
    public void Settle(Unsettled unsettled) => QueueOf(unsettled.Part).Settle(unsettled);

    /// <summary>Settles in a run of its own.</summary>
    public Task SettleAsync(Unsettled unsettled)
    {
        var batch = new AdmissionBatch(_process, _time);
        batch.Add(unsettled);
        return batch.SendAsync(Database);
    }

    /// <returns>True if this is the first failure of an outage.</returns>
    public bool Failed()
    {
        // An error about keys in different slots also means that the topology has changed.
        _topology = 0;
        return Interlocked.Exchange(ref _failedAt, _time.GetTimestamp()) == 0;
    }

    /// <returns>True if this ends an outage.</returns>
    public bool Answered() => Volatile.Read(ref _failedAt) != 0 && Interlocked.Exchange(ref _failedAt, 0) != 0;

    public void Dispose()
    {
        _redis.ConfigurationChanged -= OnChange;
        _redis.ConnectionRestored -= OnRestored;
        _queue.Dispose();
        foreach (var queue in _queues.Values)
        {
            queue.Dispose();
        }
    }

    private AdmissionQueue QueueOf(AdmissionPart part) => IsCluster ? _queues.GetOrAdd(part.Owner, _makeQueue) : _queue;

    private void OnSettled(Unsettled unsettled, Exception? failure) => Settled?.Invoke(unsettled, failure);

    private void OnChange(object? sender, EndPointEventArgs change) => LookAgain();

    private void OnRestored(object? sender, ConnectionFailedEventArgs connection) => LookAgain();

    private void LookAgain()
    {
        _topology = 0;
        _queue.LookAgain();
    }
}

/// <summary>What a settlement does. The numbers are used by the script.</summary>
internal enum SettleMode
{
    /// <summary>Releases the reservation and counts nothing.</summary>
    Release = 0,

    /// <summary>Counts the use if the reservation is still open: for a repeated settlement.</summary>
    CountIfOpen = 1,

    /// <summary>Counts the use in any case.</summary>
    Count = 2,

    /// <summary>Releases the reservation if it is still open: for a repeated settlement.</summary>
    ReleaseIfOpen = 3,

    /// <summary>Releases an unused ticket, including its place in the windows.</summary>
    Return = 4,
}
