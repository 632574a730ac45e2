using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Deletes usage rows that are older than the retention, oldest first, in small batches and for a limited time; the next run continues. The
/// hourly and daily sums are kept.
/// </summary>
internal sealed partial class UsageRetention(IDbContextFactory<PlatformDb> databases, AccountingOptions options, TimeProvider time, ILogger<UsageRetention> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private const int BatchSize = 2000;

    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(50);

    /// <summary>The bound before which nothing is left. It moves once a day; to look again would read the rows of the days after it each time.</summary>
    private DateTimeOffset _cleared;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Whole days, so that no hour of which a summary still needs rows is cut.
        var before = WholeUnits.DayOf(time.GetUtcNow()).AddDays(-options.UsageRetentionDays);
        if (options.UsageRetentionDays == 0 || before == _cleared)
        {
            return;
        }

        var startedAt = time.GetTimestamp();
        var total = 0;
        int deleted;
        do
        {
            deleted = await DeleteBatchAsync(before, cancellationToken);
            total += deleted;
            deleted += await DeleteMinutesAsync(before, cancellationToken);
            await Task.Delay(Breath, time, cancellationToken);
        }
        while (deleted > 0 && time.GetElapsedTime(startedAt) < Budget);

        _cleared = deleted == 0 ? before : _cleared;
        if (total > 0)
        {
            UsageDeleted(total, before);
        }
    }

    // By ids that were read first: DELETE with a limit is not SQL that both databases support, and without one it is unbounded.
    private async Task<int> DeleteBatchAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var ids = await db.UsageRows.AsNoTracking().Between(start: null, before).OrderBy(row => row.Id).Take(BatchSize).Select(row => row.Id).ToArrayAsync(cancellationToken);
        return ids.Length == 0 ? 0 : await db.UsageRows.Where(row => ids.Contains(row.Id)).ExecuteDeleteAsync(cancellationToken);
    }

    // One minute of all groups together has few rows.
    private async Task<int> DeleteMinutesAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var minutes = await db.UsageGroupMinutes.AsNoTracking().Where(sum => sum.Minute < before)
            .OrderBy(sum => sum.Minute).Take(BatchSize).Select(sum => sum.Minute).ToListAsync(cancellationToken);
        if (minutes.Count == 0)
        {
            return 0;
        }

        var (first, last) = (minutes[0], minutes[^1]);
        return await db.UsageGroupMinutes.Where(sum => sum.Minute >= first && sum.Minute <= last).ExecuteDeleteAsync(cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Deleted {Count} usage records from before {Before:O}.")]
    private partial void UsageDeleted(int count, DateTimeOffset before);
}
