using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Moves usage from the journal's files to Redis: its own, and those that a dead process left on the same data directory. A file is
/// deleted only after Redis has taken every record in it; sending a record twice does no harm.
/// </summary>
internal sealed partial class UsageShipper(UsageJournal journal, UsageMeter meter, UsageBuffer buffer, ILogger<UsageShipper> logger) : BackgroundService
{
    private const long MaxSegmentBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RoundPatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AdoptionInterval = TimeSpan.FromSeconds(5);

    private readonly Queue<string> _sealed = new();

    // The host may stop waiting for the loop and go on to StopAsync while a round is still under way.
    private readonly SemaphoreSlim _round = new(1, 1);
    private bool _isFailing;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);

        // What does not get away now stays on disk for the next process on this data directory.
        await ShipOwnAsync();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var nextAdoption = TimeSpan.Zero;
        for (var waited = TimeSpan.Zero; !stoppingToken.IsCancellationRequested;)
        {
            var shipped = await ShipOwnAsync();
            if (waited >= nextAdoption)
            {
                await AdoptAsync(stoppingToken);
                nextAdoption = waited + AdoptionInterval;
            }

            var delay = shipped ? Interval : RetryInterval;
            waited += delay;
            await Task.Delay(delay, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> ShipOwnAsync()
    {
        if (!await _round.WaitAsync(RoundPatience, CancellationToken.None))
        {
            return false;
        }

        try
        {
            await meter.RetryUnwrittenAsync();

            // While Redis is away a segment stays open until it is large, rather than a file being made each round.
            JournalSegment? newest = null;
            if (journal.ActiveLength > 0 && (_sealed.Count == 0 || journal.ActiveLength > MaxSegmentBytes))
            {
                newest = await journal.RotateAsync();
                _sealed.Enqueue(newest.Path);
            }

            while (_sealed.TryPeek(out var path))
            {
                // What has to wait for another round is read back then: memory holds the newest only.
                if (!await ShipFileAsync(path, path == newest?.Path ? newest.Lines : UsageJournal.Read(path)))
                {
                    return false;
                }

                _sealed.Dequeue();
            }

            Recovered();
            return true;
        }
        catch (Exception exception) when (exception is RedisException or IOException or TimeoutException or UnauthorizedAccessException)
        {
            Failed(exception);
            return false;
        }
        finally
        {
            _round.Release();
        }
    }

    private async Task AdoptAsync(CancellationToken cancellationToken)
    {
        foreach (var folder in UsageJournal.Folders(journal.Root).Where(folder => folder != journal.Folder))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var held = UsageJournal.Lock(folder);
            if (held is null)
            {
                continue;
            }

            try
            {
                foreach (var path in UsageJournal.Segments(folder))
                {
                    if (!await ShipFileAsync(path, UsageJournal.Read(path)))
                    {
                        return;
                    }
                }

                if (UsageJournal.TryRemove(folder))
                {
                    JournalAdopted(folder);
                }
            }
            catch (DirectoryNotFoundException)
            {
                // Another process was faster.
            }
            catch (Exception exception) when (exception is RedisException or IOException or TimeoutException or UnauthorizedAccessException)
            {
                Failed(exception);
                return;
            }
        }
    }

    private async Task<bool> ShipFileAsync(string path, IReadOnlyCollection<JournalLine> lines)
    {
        if (await buffer.AddAsync(lines) is { Count: > 0 } full)
        {
            BufferFull(string.Join(", ", full));
            return false;
        }

        File.Delete(path);
        return true;
    }

    // One line when trouble begins and one when it ends, however long it lasts.
    private void Failed(Exception exception)
    {
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

    [LoggerMessage(Level = LogLevel.Information, Message = "Shipped the usage that a process before left in {Journal}.")]
    private partial void JournalAdopted(string journal);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The usage buffers of {TenantIds} are full; their records wait in the journal.")]
    private partial void BufferFull(string tenantIds);
}
