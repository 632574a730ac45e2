using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Keeps the snapshot at the database's revision: polls every second, and at once when a change is announced on Redis. A load that fails
/// leaves the current snapshot in use.
/// </summary>
internal sealed partial class SnapshotRefresher(
    SnapshotLoader loader,
    SnapshotStore store,
    InternalCallers internalCallers,
    CredentialPool credentials,
    IConnectionMultiplexer redis,
    TimeProvider time,
    ILogger<SnapshotRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RevisionTimeout = TimeSpan.FromSeconds(3);

    // A process's first query includes opening a connection and compiling code.
    private static readonly TimeSpan FirstAnswerTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LoadTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    // A change is saved after a delay, together with those that follow; an unchanged snapshot is saved again to record that it was confirmed.
    private static readonly TimeSpan SaveAfterChange = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SaveAgain = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _refreshing = new(1);
    private readonly SemaphoreSlim _announced = new(0);
    private bool _isAway;
    private bool _isSubscribed;
    private bool _isRestored;
    private Task _saving = Task.CompletedTask;
    private long _savedRevision = -1;
    private long _savedAt;

    /// <summary>Loads the snapshot if the database has another revision. Concurrent calls run one after the other; later ones find the load done.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _refreshing.WaitAsync(cancellationToken);
        try
        {
            if (store.IsLoaded && !_isRestored && await BoundedAsync(loader.RevisionAsync, RevisionTimeout, cancellationToken) == store.Current.Revision)
            {
                store.Confirm();
                return;
            }

            var (grid, home) = await BoundedAsync(loader.LoadAsync, LoadTimeout, cancellationToken);
            internalCallers.Move(home);
            store.Swap(grid);
            credentials.Turn();
            _isRestored = false;
            SnapshotLoaded(grid.Revision, grid.Keys.Count, grid.Models.Count);
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>
    /// Runs before the host listens: if the database answers, no call is refused because of a missing snapshot; if it is unavailable or cannot
    /// be read, the last saved snapshot is served.
    /// </summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(StartTimeout);
        var answers = await AnswersAsync(bound.Token);
        if (answers)
        {
            await TryRefreshAsync(bound.Token);
        }

        if (!store.IsLoaded)
        {
            await TryRestoreAsync(cancellationToken);
        }

        if (!store.IsLoaded && !answers)
        {
            await TryRefreshAsync(bound.Token);
        }

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
            await SaveWhenDueAsync(stoppingToken);
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

    /// <summary>Checked first and without retries, so that an unavailable database does not delay the start.</summary>
    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            await BoundedAsync(loader.RevisionAsync, FirstAnswerTimeout, cancellationToken);
            return true;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            _isAway = true;
            SnapshotRefreshFailed(exception);
            return false;
        }
    }

    private async Task TryRestoreAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await loader.RestoreAsync(cancellationToken) is not var (grid, home, age))
            {
                return;
            }

            internalCallers.Move(home);
            store.Restore(grid, age);
            credentials.Turn();
            _isRestored = true;
            SnapshotRestored(grid.Revision, age, grid.Keys.Count, grid.Models.Count);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // For any failure: without the file a replica still starts, and waits for the database.
            SnapshotUnusable(exception);
        }
    }

    /// <summary>Begins to save the snapshot, unless the previous one is still being written. A disk that does not answer delays no change.</summary>
    private async Task SaveWhenDueAsync(CancellationToken stoppingToken)
    {
        if (!_saving.IsCompleted)
        {
            return;
        }

        await _saving;
        var since = _savedRevision < 0 ? SaveAgain : time.GetElapsedTime(_savedAt);
        if (_isAway || _isRestored || !store.IsLoaded || since < (store.Current.Revision == _savedRevision ? SaveAgain : SaveAfterChange))
        {
            return;
        }

        try
        {
            // No load may change the rows while they are read.
            await _refreshing.WaitAsync(stoppingToken);
            try
            {
                (_savedRevision, _savedAt) = (store.Current.Revision, time.GetTimestamp());
                _saving = loader.Seal() is { } rows ? SaveAsync(rows, stoppingToken) : Task.CompletedTask;
            }
            finally
            {
                _refreshing.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The host is stopping.
        }
    }

    private async Task SaveAsync(byte[] rows, CancellationToken stoppingToken)
    {
        // Some file operations block their thread.
        await Task.Yield();
        try
        {
            await loader.SaveAsync(rows, stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The host is stopping; the previous file stays.
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
            // The host is stopping.
        }
        catch (Exception exception)
        {
            // Logged once per outage, not once a second.
            if (!_isAway)
            {
                _isAway = true;
                SnapshotRefreshFailed(exception);
            }
        }
    }

    /// <summary>After an outage of Redis the client restores a subscription by itself, but the first subscription needs Redis.</summary>
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
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // Polling works without it; the next round tries again.
        }
    }

    private void Announce()
    {
        // Simultaneous announcements need one refresh only.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Snapshot {Revision} from disk is in use until the database answers; it was confirmed {Age} ago: {Keys} API keys, {Models} models.")]
    private partial void SnapshotRestored(long revision, TimeSpan age, int keys, int models);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot on disk cannot be used.")]
    private partial void SnapshotUnusable(Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "The snapshot cannot be refreshed; calls are served from the last one, if any. Retrying every second.")]
    private partial void SnapshotRefreshFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The snapshot is refreshed again.")]
    private partial void SnapshotRefreshResumed();
}
