using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Moves usage from the journal's files to Redis: its own, and those that a dead process left on the same data directory. A file is
/// deleted only after every record in it is in Redis or in the backlog of a tenant whose buffer there is full; sending a record twice does no harm.
/// </summary>
internal sealed partial class UsageShipper(
    UsageJournal journal,
    AbandonedJournals abandoned,
    UsageMeter meter,
    UsageBuffer buffer,
    JournalMetrics metrics,
    TimeProvider time,
    ILogger<UsageShipper> logger) : BackgroundService
{
    private const long MaxSegmentBytes = 8 * 1024 * 1024;
    private const int BatchSize = 500;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RoundPatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AdoptionInterval = TimeSpan.FromSeconds(5);

    /// <summary>What older files may take of a round: what is new waits no longer for them.</summary>
    private static readonly TimeSpan OlderInterval = TimeSpan.FromMilliseconds(250);

    private readonly Queue<JournalFile> _older = new();
    private readonly UsageBacklog _backlog = new(journal);

    // The host may stop waiting for the loop and go on to StopAsync while a round is still under way.
    private readonly SemaphoreSlim _round = new(1, 1);
    private bool _isRoundWhole;
    private bool _isFailing;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);

        // What does not get away now stays on disk for the next process on this data directory.
        await ShipAsync(adopts: false);
        meter.GiveUp();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var nextAdoption = TimeSpan.Zero;
        for (var waited = TimeSpan.Zero; !stoppingToken.IsCancellationRequested;)
        {
            var adopts = waited >= nextAdoption;
            nextAdoption = adopts ? waited + AdoptionInterval : nextAdoption;
            var delay = await ShipAsync(adopts) ? Interval : RetryInterval;
            waited += delay;
            await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>Whether nothing stood in the way.</returns>
    private async Task<bool> ShipAsync(bool adopts)
    {
        if (!await _round.WaitAsync(RoundPatience, CancellationToken.None))
        {
            return false;
        }

        var startedAt = time.GetTimestamp();
        try
        {
            _isRoundWhole = await meter.RetryUnwrittenAsync();
            if (adopts)
            {
                abandoned.Adopt(_older, Failed);
            }

            await SetLargeAsideAsync();
            await ShipOlderAsync();
            if (journal.ActiveLength > 0)
            {
                await ShipNewestAsync();
            }

            if (_isRoundWhole)
            {
                Recovered();
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException || UsageJournal.IsOfDisk(exception))
        {
            Failed(exception);
        }
        finally
        {
            Measure(startedAt);
            _round.Release();
        }

        return _isRoundWhole;
    }

    /// <summary>While Redis is away the open segment stays open until it is large, rather than a file being made each round.</summary>
    private async Task SetLargeAsideAsync()
    {
        if (journal.ActiveExtent <= MaxSegmentBytes)
        {
            return;
        }

        try
        {
            SetAside(await journal.RotateAsync());
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            // The disk is full, perhaps: what is shipped now makes room.
            Failed(exception);
        }
    }

    /// <summary>What was made in this round or just before it, which is in memory still.</summary>
    private async Task ShipNewestAsync()
    {
        var newest = await journal.RotateAsync();
        try
        {
            foreach (var lines in newest.Lines.Chunk(BatchSize))
            {
                await SendAsync(lines);
            }

            File.Delete(newest.Path);
        }
        catch
        {
            // Memory holds the newest only: this one is read back then.
            SetAside(newest);
            throw;
        }
    }

    /// <summary>
    /// What had to wait: a piece of each tenant's backlog that finds room and one of the oldest file, in turn. Backlogs first: where they
    /// have filled the disk, nothing else makes room. A file that cannot be read or written holds up neither the next one nor what is new.
    /// </summary>
    private async Task ShipOlderAsync()
    {
        var startedAt = time.GetTimestamp();
        var withRoom = await buffer.WithRoomAsync(_backlog.TenantIds);
        var hasOlder = _older.Count > 0;
        while (time.GetElapsedTime(startedAt) < OlderInterval && (hasOlder || withRoom.Count > 0))
        {
            foreach (var tenantId in withRoom.ToList())
            {
                if (!await TryShipBacklogAsync(tenantId))
                {
                    withRoom.Remove(tenantId);
                }
            }

            hasOlder = hasOlder && await TryShipOldestAsync();
        }
    }

    /// <returns>Whether there is more to ship in this round.</returns>
    private async Task<bool> TryShipOldestAsync()
    {
        var file = _older.Peek();
        try
        {
            var piece = file.Read();
            await SendAsync(piece.Lines);
            if (file.Pass(piece))
            {
                _older.Dequeue();
            }

            return _older.Count > 0;
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            _older.Enqueue(_older.Dequeue());
            Failed(exception);
            return false;
        }
    }

    /// <returns>Whether the tenant may have room for more of its backlog.</returns>
    private async Task<bool> TryShipBacklogAsync(string tenantId)
    {
        var file = _backlog.Oldest(tenantId);
        try
        {
            var piece = file.Read();
            if (await buffer.AddAsync(piece.Lines) is not [])
            {
                return false;
            }

            if (file.Pass(piece))
            {
                _backlog.RemoveOldest(tenantId);
            }
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            _backlog.RemoveOldest(tenantId);
            _older.Enqueue(file);
            Failed(exception);
        }

        if (_backlog.Holds(tenantId))
        {
            return true;
        }

        BacklogShipped(tenantId);
        return false;
    }

    /// <summary>To Redis, or to the backlog: a tenant's oldest records go first, so what comes after waiting ones waits too.</summary>
    private async Task SendAsync(IReadOnlyCollection<JournalLine> lines)
    {
        var isLate = lines.ToLookup(line => _backlog.Holds(line.TenantId));
        var refused = await buffer.AddAsync([.. isLate[false]]);
        foreach (var tenant in isLate[true].Concat(refused).GroupBy(line => line.TenantId))
        {
            if (!_backlog.Holds(tenant.Key))
            {
                BufferFull(tenant.Key);
            }

            _backlog.Add(tenant.Key, tenant);
        }
    }

    private void SetAside(JournalSegment segment) => _older.Enqueue(new JournalFile(segment.Path, segment.Extent));

    private void Measure(long startedAt)
    {
        metrics.Measured(_older.Sum(file => file.Remaining) + _backlog.Bytes + journal.ActiveLength, meter.Unwritten);
        if (_isRoundWhole && _older.Count == 0 && _backlog.TenantIds.Count == 0 && meter.Unwritten == 0)
        {
            metrics.CaughtUp(startedAt);
        }
    }

    // One line when trouble begins and one when it ends, however long it lasts.
    private void Failed(Exception exception)
    {
        _isRoundWhole = false;
        if (!_isFailing)
        {
            _isFailing = true;
            ShippingFailed(exception.Message);
        }
    }

    private void Recovered()
    {
        if (_isFailing)
        {
            _isFailing = false;
            ShippingResumed();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Usage stays in the local journal: {Reason}")]
    private partial void ShippingFailed(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Usage flows from the local journal again.")]
    private partial void ShippingResumed();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The usage buffer of {TenantId} in Redis is full; its records wait on this replica's disk.")]
    private partial void BufferFull(string tenantId);

    [LoggerMessage(Level = LogLevel.Information, Message = "The records of {TenantId} that waited on this replica's disk are in Redis.")]
    private partial void BacklogShipped(string tenantId);
}
