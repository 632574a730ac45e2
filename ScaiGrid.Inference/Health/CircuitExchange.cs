using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Providers;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Health;

/// <summary>
/// Keeps the circuits of all replicas alike through Redis: announces what this one found out, takes over what others did, and looks each
/// second whether it missed something. While Redis is away, each goes on with its own view, and tells the others afterwards. What opens and closes
/// is logged here, whoever found it out.
/// </summary>
internal sealed partial class CircuitExchange(
    HealthBoard board, CircuitStore store, IConnectionMultiplexer redis, TimeProvider time, ILogger<CircuitExchange> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private readonly HashSet<string> _open = [];
    private readonly string _origin = Ulid.NewUlid(time.GetUtcNow()).ToString();
    private long? _revision = -1;
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
            catch (Exception exception) when (exception is RedisException or TimeoutException)
            {
                SetAway(true);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                await board.WaitForNewsAsync(PollInterval, stoppingToken);
                LogCircuits();
                if (_isAway)
                {
                    // News that cannot be told would wake this loop again and again.
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

        await AnnounceAsync();
        var revision = await store.RevisionAsync();
        if (!board.TakeHasGrown() && revision == _revision)
        {
            return;
        }

        // Where the rest of the round fails, the next one does it again: of a backend that came, it is asked only once whether there is one.
        _revision = -1;
        if (revision is null)
        {
            // Redis has forgotten everything: the others learn again what is open here.
            foreach (var health in board.All.Where(health => !health.Circuit.IsClosed))
            {
                board.Changed(health);
            }
        }
        else
        {
            await PullAsync();
        }

        _revision = revision;
    }

    private async Task AnnounceAsync()
    {
        var news = board.TakeNews();
        for (var i = 0; i < news.Count; i++)
        {
            try
            {
                var revision = await store.AnnounceAsync(news[i].Id, news[i].Circuit, _origin);

                // Any other number means that somebody else changed something as well, which the look at the revision finds.
                _revision = revision == _revision + 1 ? revision : _revision;
            }
            catch (Exception exception) when (exception is RedisException or TimeoutException)
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis is out of reach: the states of circuits are this replica's own until it answers.")]
    private partial void CircuitsNotShared();

    [LoggerMessage(Level = LogLevel.Information, Message = "The states of circuits are shared again.")]
    private partial void CircuitsSharedAgain();
}
