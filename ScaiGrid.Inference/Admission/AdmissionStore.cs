using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>Redis as admission sees it: scripts, whether it is a cluster, and whether it answers at the moment.</summary>
internal sealed class AdmissionStore : IDisposable
{
    /// <summary>After a failure, calls do not wait for Redis again before this has passed.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly IConnectionMultiplexer _redis;
    private readonly TimeProvider _time;
    private readonly RedisValue _process;
    private readonly AdmissionQueue _queue;

    // By tenant or partner: on a cluster, a script's keys lie in one slot.
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

    /// <summary>This process, as owner of reservations.</summary>
    public string Process { get; }

    /// <summary>How a settlement ended that <see cref="Settle"/> sent; not to block.</summary>
    public Action<Unsettled, Exception?>? Settled { get; set; }

    /// <summary>False for a moment after a failure: whoever comes then does not wait.</summary>
    public bool IsUsable => Volatile.Read(ref _failedAt) is var failedAt && (failedAt == 0 || _time.GetElapsedTime(failedAt) > Pause);

    /// <summary>Whether the last that was tried failed.</summary>
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

    /// <summary>What may come of a command while Redis is away, or is being changed.</summary>
    public static bool IsFailure(Exception exception) => exception is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException;

    /// <summary>Asks whether a call may run. Settlements of before go along.</summary>
    /// <param name="part">Its limits and budgets.</param>
    /// <param name="ticket">What it would reserve.</param>
    /// <param name="now">When it came.</param>
    /// <param name="throttleMs">Between calls under a budget that throttles.</param>
    /// <param name="isShort">See <see cref="AdmissionQuestion.IsShort"/>.</param>
    /// <param name="mayJoin">See <see cref="AdmissionQuestion.MayJoin"/>.</param>
    public Task<AdmissionAnswer> AdmitAsync(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs, bool isShort, bool mayJoin) =>
        QueueOf(part).AskAsync(new AdmissionQuestion(part, ticket, now, throttleMs, isShort) { MayJoin = mayJoin });

    /// <summary>Asks for tickets of calls that have not come yet.</summary>
    public Task<AdmissionAnswer> AdmitAheadAsync(AdmissionPart part, AdmissionTicket[] tickets, DateTimeOffset now) =>
        QueueOf(part).AskAsync(new AdmissionQuestion(part, tickets[0], now, throttleMs: 0, isShort: true) { Ahead = tickets });

    /// <summary>Asks by a run of its own: for those who are too many to have a queue each.</summary>
    public async Task<AdmissionAnswer> AdmitAloneAsync(AdmissionPart part, DateTimeOffset now)
    {
        var question = new AdmissionQuestion(part, AdmissionTicket.Empty, now, throttleMs: 0, isShort: true);
        var batch = new AdmissionBatch(_process, _time);
        batch.Add(question);
        batch.End((byte[]?)await batch.SendAsync(Database), OnSettled, askAgain: static _ => throw new UnreachableException("One question is asked alone."));
        return await question.Task;
    }

    /// <summary>Sends a settlement along with the next call, or by itself where none comes. <see cref="Settled"/> tells how it ended.</summary>
    public void Settle(Unsettled unsettled) => QueueOf(unsettled.Part).Settle(unsettled);

    /// <summary>Settles by a run of its own.</summary>
    public Task SettleAsync(Unsettled unsettled)
    {
        var batch = new AdmissionBatch(_process, _time);
        batch.Add(unsettled);
        return batch.SendAsync(Database);
    }

    /// <returns>True when this is the first failure.</returns>
    public bool Failed()
    {
        // Keys that do not lie together are another sign that the servers are not what they were.
        _topology = 0;
        return Interlocked.Exchange(ref _failedAt, _time.GetTimestamp()) == 0;
    }

    /// <returns>True when it failed before.</returns>
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

/// <summary>What settling does. The numbers are those of the script.</summary>
internal enum SettleMode
{
    /// <summary>Gives back and counts nothing.</summary>
    Release = 0,

    /// <summary>Counts, if the reservation is still there: for a second attempt.</summary>
    CountIfOpen = 1,

    /// <summary>Counts in any case.</summary>
    Count = 2,

    /// <summary>Gives back, if the reservation is still there: for a second attempt.</summary>
    ReleaseIfOpen = 3,

    /// <summary>Gives back what no call came for, its place in the windows too.</summary>
    Return = 4,
}
