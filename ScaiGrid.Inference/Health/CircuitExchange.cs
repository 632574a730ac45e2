using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Providers;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Health;

/// <summary>
/// Synchronises the circuits of all replicas through Redis: publishes this replica's changes, applies those of others, and checks every second
/// whether it missed one. While Redis is unavailable, each replica uses its own state and publishes its changes afterwards. All openings and
/// closings are logged here, whichever replica caused them.
/// </summary>
internal sealed partial class CircuitExchange(
    HealthBoard board, CircuitStore store, IConnectionMultiplexer redis, TimeProvider time, ILogger<CircuitExchange> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> _open = [];
    private readonly string _origin = Ulid.NewUlid(time.GetUtcNow()).ToString();

    /// <summary>The revision whose circuits are known here, with this replica's changes since.</summary>
    private long? _revision;

    /// <summary>Whether there are circuits to read. True until a round has read them, although only one round is told of what is new.</summary>
    private bool _isBehind = true;

    private bool _isSubscribed;
    private bool _isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (redis.IsConnected)
                {
                    await RoundAsync().WaitAsync(Bound, time, stoppingToken);
                }

                SetAway(!redis.IsConnected);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (RedisAway.Is(exception, stoppingToken))
            {
                SetAway(true);
            }

            try
            {
                await board.WaitForNewsAsync(PollInterval, stoppingToken);
                LogCircuits();
                if (_isAway)
                {
                    // Changes that cannot be published would wake this loop continuously.
                    await Task.Delay(PollInterval, time, stoppingToken);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task RoundAsync()
    {
        if (!_isSubscribed)
        {
            await redis.GetSubscriber().SubscribeAsync(CircuitStore.Channel, (_, message) => Learn(message));
            _isSubscribed = true;
        }

        // Read before anything is announced: that alone would make the revision look as if Redis had all circuits.
        var revision = await store.RevisionAsync();
        if (revision is null || revision < _revision)
        {
            // Redis has lost its data: publish again what is open here.
            foreach (var health in board.All.Where(health => !health.Circuit.IsClosed))
            {
                board.Changed(health);
            }
        }

        _isBehind |= board.TakeHasGrown() || (revision is not null && revision != _revision);
        _revision = revision;
        await AnnounceAsync();
        if (_isBehind)
        {
            await PullAsync();
            _isBehind = false;
        }
    }

    private async Task AnnounceAsync()
    {
        var news = board.TakeNews();
        for (var i = 0; i < news.Count; i++)
        {
            try
            {
                var revision = await store.AnnounceAsync(news[i].Id, news[i].Circuit, _origin);

                // Any other number means that another replica made a change as well.
                _isBehind |= revision != (_revision ?? 0) + 1;
                _revision = revision;
            }
            catch
            {
                foreach (var health in news.Skip(i))
                {
                    board.Changed(health);
                }

                throw;
            }
        }
    }

    private async Task PullAsync()
    {
        var backends = board.All.ToList();
        var circuits = await store.ReadAsync(backends.Select(health => health.Id));
        foreach (var health in backends.Where(health => !board.IsUnannounced(health.Id)))
        {
            health.Learn(circuits.GetValueOrDefault(health.Id) ?? Circuit.Closed);
        }
    }

    private void Learn(RedisValue message)
    {
        if (store.TryParse(message, _origin, out var backendId, out var circuit) && board.Find(backendId) is { } health)
        {
            health.Learn(circuit);
        }
    }

    private void LogCircuits()
    {
        _open.RemoveWhere(id => board.Find(id) is null);
        foreach (var health in board.All)
        {
            var circuit = health.Circuit;
            if (!circuit.IsClosed && _open.Add(health.Id))
            {
                CircuitOpened(health.Id, circuit.Reason);
            }
            else if (circuit.IsClosed && _open.Remove(health.Id))
            {
                CircuitClosed(health.Id);
            }
        }
    }

    private void SetAway(bool isAway)
    {
        if (isAway && !_isAway)
        {
            CircuitsNotShared();
        }
        else if (!isAway && _isAway)
        {
            CircuitsSharedAgain();
        }

        _isAway = isAway;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Backend {BackendId} gets no calls: its circuit is open ({Failure}).")]
    private partial void CircuitOpened(string backendId, UpstreamFailure failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Backend {BackendId} gets calls again: its circuit is closed.")]
    private partial void CircuitClosed(string backendId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis is unavailable: circuit states are not shared between replicas until it answers.")]
    private partial void CircuitsNotShared();

    [LoggerMessage(Level = LogLevel.Information, Message = "Circuit states are shared between replicas again.")]
    private partial void CircuitsSharedAgain();
}
