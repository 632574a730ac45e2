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
    private long _failedAt;
    private int _topology;

    public AdmissionStore(IConnectionMultiplexer redis, TimeProvider time)
    {
        (_redis, _time) = (redis, time);
        Process = Ulid.NewUlid(time.GetUtcNow()).ToString();
        _process = Process;
        redis.ConfigurationChanged += OnChange;
        redis.ConnectionRestored += OnRestored;
    }

    /// <summary>This process, as owner of reservations.</summary>
    public string Process { get; }

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

    public Task<RedisResult> AdmitAsync(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs) =>
        Database.ScriptEvaluateAsync(AdmissionScripts.Admit, part.Keys(ticket), part.Arguments(ticket, _process, now, throttleMs));

    public Task SettleAsync(AdmissionPart part, AdmissionTicket ticket, Settlement settlement, SettleMode mode) =>
        Database.ScriptEvaluateAsync(AdmissionScripts.Settle, part.SettleKeys(ticket), part.SettleArguments(ticket, ticket.Second, settlement, (int)mode));

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
    }

    private void OnChange(object? sender, EndPointEventArgs change) => _topology = 0;

    private void OnRestored(object? sender, ConnectionFailedEventArgs connection) => _topology = 0;
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
}
