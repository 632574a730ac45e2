using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Moves usage from journal files to Redis: those of this process, and those that dead processes left in the same data directory. A file is deleted
/// only once each of its records is in Redis, or in the backlog of a tenant whose buffer is full. Sending a record twice does no harm.
/// </summary>
internal sealed partial class UsageShipper(
    UsageJournal journal,
    AbandonedJournals abandoned,
    UsageMeter meter,
    UsageBuffer buffer,
    AbandonedReservations reservations,
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

    /// <summary>The share of a round that older files may take, so that new records do not wait longer for them.</summary>
    private static readonly TimeSpan OlderInterval = TimeSpan.FromMilliseconds(250);

    private readonly Queue<JournalFile> _older = new();
    private readonly UsageBacklog _backlog = new(journal);

    // The host may call StopAsync while a round is still running.
    private readonly SemaphoreSlim _round = new(1, 1);
    private bool _isRoundWhole;
    private bool _isFailing;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);

        // Records that are not shipped now stay on disk for the next process on this data directory.
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

    /// <returns>Whether nothing failed or was left over.</returns>
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
        catch (Exception exception) when (RedisAway.Is(exception) || UsageJournal.IsOfDisk(exception))
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

    /// <summary>While Redis is unavailable, the open segment is kept open until it is large, instead of creating a file in each round.</summary>
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
            // If the disk is full, shipping older files makes room.
            Failed(exception);
        }
    }

    /// <summary>Ships the records of the open segment, which are still in memory.</summary>
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
            // Only the newest segment's records are kept in memory: this one will be read from its file.
            SetAside(newest);
            throw;
        }
    }

    /// <summary>
    /// Ships waiting files in turn: one piece of the backlog of each tenant that has room, then one of the oldest file. Backlogs first, because
    /// only they make room if they have filled the disk. A file that cannot be read or written does not hold up the others.
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
            if (file.IsAbandoned)
            {
                await reservations.SettleAsync([.. piece.Lines.Select(line => UsageRecord.Read(line.Json.Span)).OfType<UsageRecord>()]);
            }

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

    /// <summary>Sends records to Redis, or adds them to the backlog. If a tenant has a backlog, its new records queue behind it to keep the order.</summary>
    private async Task SendAsync(IReadOnlyCollection<JournalLine> lines)
    {
        var late = lines.Where(line => _backlog.Holds(line.TenantId)).ToList();
        var refused = await buffer.AddAsync(late.Count == 0 ? lines : [.. lines.Where(line => !_backlog.Holds(line.TenantId))]);
        foreach (var tenant in late.Concat(refused).GroupBy(line => line.TenantId))
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

    // Logs once when failures begin and once when they end.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Usage cannot be shipped to Redis and stays in the local journal: {Reason}")]
    private partial void ShippingFailed(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Usage is shipped from the local journal to Redis again.")]
    private partial void ShippingResumed();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The usage buffer of {TenantId} in Redis is full; its records wait on this replica's disk.")]
    private partial void BufferFull(string tenantId);

    [LoggerMessage(Level = LogLevel.Information, Message = "The records of {TenantId} that waited on this replica's disk are in Redis.")]
    private partial void BacklogShipped(string tenantId);
}
