using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Keeps the snapshot at the database's revision: looks every second, and at once when a change is announced on Redis. A load that
/// fails keeps the snapshot that is there.
/// </summary>
internal sealed partial class SnapshotRefresher(
    SnapshotLoader loader,
    SnapshotStore store,
    InternalCallers internalCallers,
    IConnectionMultiplexer redis,
    ILogger<SnapshotRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RevisionTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LoadTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _refreshing = new(1);
    private readonly SemaphoreSlim _announced = new(0);
    private bool _isAway;
    private bool _isSubscribed;

    /// <summary>Loads the snapshot if the database has another revision. Calls wait for each other, and those that come too late for a load find it done.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken);
        try
        {
            if (store.IsLoaded && await BoundedAsync(loader.RevisionAsync, RevisionTimeout, cancellationToken) == store.Current.Revision)
            {
                store.Confirm();
                return;
            }

            var (grid, home) = await BoundedAsync(loader.LoadAsync, LoadTimeout, cancellationToken);
            internalCallers.Move(home);
            store.Swap(grid);
            SnapshotLoaded(grid.Revision, grid.Keys.Count, grid.Models.Count);
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>Before the host listens: a replica whose database answers never refuses its first calls for want of a snapshot.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(StartTimeout);
        await TryRefreshAsync(bound.Token);
        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _refreshing.Dispose();
        _announced.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await TryRefreshAsync(stoppingToken);
            await TrySubscribeAsync();
            try
            {
                await _announced.WaitAsync(PollInterval, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task TryRefreshAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RefreshAsync(stoppingToken);
            if (_isAway)
            {
                _isAway = false;
                SnapshotRefreshResumed();
            }
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
        catch (Exception exception)
        {
            // Once for the whole outage, not once a second.
            if (!_isAway)
            {
                _isAway = true;
                SnapshotRefreshFailed(exception);
            }
        }
    }

    /// <summary>The client renews a subscription by itself after Redis was away, but the first one needs Redis.</summary>
    private async Task TrySubscribeAsync()
    {
        if (_isSubscribed || !redis.IsConnected)
        {
            return;
        }

        try
        {
            await redis.GetSubscriber().SubscribeAsync(RedisSnapshotSignal.Channel, (_, _) => Announce());
            _isSubscribed = true;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Looking every second does without; the next round tries again.
        }
    }

    private void Announce()
    {
        // Announcements that come together need one look.
        if (_announced.CurrentCount == 0)
        {
            _announced.Release();
        }
    }

    private static async Task<T> BoundedAsync<T>(Func<CancellationToken, Task<T>> work, TimeSpan bound, CancellationToken cancellationToken)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        source.CancelAfter(bound);
        return await work(source.Token);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Snapshot {Revision} is in use: {Keys} API keys, {Models} models.")]
    private partial void SnapshotLoaded(long revision, int keys, int models);

    [LoggerMessage(Level = LogLevel.Error, Message = "The snapshot cannot be refreshed: calls are served from the one that is loaded. Trying on every second.")]
    private partial void SnapshotRefreshFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The snapshot is refreshed again.")]
    private partial void SnapshotRefreshResumed();
}
