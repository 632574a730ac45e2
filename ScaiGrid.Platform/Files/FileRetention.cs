using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Files;

/// <summary>Deletes files and ended batches after the retention, in batches and for a limited time.</summary>
internal sealed partial class FileRetention(
    FileStore files, IDbContextFactory<PlatformDb> databases, UploadOptions options, TimeProvider time, ILogger<FileRetention> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private const int Together = 200;
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(2);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (options.FileRetentionDays == 0)
        {
            return;
        }

        var before = time.GetUtcNow().AddDays(-options.FileRetentionDays);

        // Batches first: they need only the database, and while the store is unavailable the files take up the whole time.
        var batches = await DeleteBatchesAsync(before, cancellationToken);
        var removed = await DeleteFilesAsync(before, cancellationToken);
        if (removed + batches > 0)
        {
            FilesRemoved(removed, batches, options.FileRetentionDays);
        }
    }

    private async Task<int> DeleteFilesAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        var (all, last) = (0, (string?)"");
        while (last is not null && time.GetElapsedTime(startedAt) < Budget)
        {
            (var deleted, last) = await files.DeleteOlderAsync(before, last, Together, cancellationToken);
            all += deleted;
        }

        return all;
    }

    private async Task<int> DeleteBatchesAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        var (all, last) = (0, Together);
        while (last == Together && time.GetElapsedTime(startedAt) < Budget)
        {
            last = await DeleteSomeBatchesAsync(before, cancellationToken);
            all += last;
        }

        return all;
    }

    private async Task<int> DeleteSomeBatchesAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var bound = $"{Ids.Batch}_{Ulid.NewUlid(before, new byte[10])}";
        return await databases.TransactAsync(
            async (db, token) =>
            {
                var ids = await db.Batches.AsNoTracking()
                    .Where(batch => string.Compare(batch.Id, bound) < 0 && batch.EndedAt < before)
                    .OrderBy(batch => batch.Id).Take(Together).Select(batch => batch.Id).ToListAsync(token);
                await db.BatchChunks.Where(chunk => ids.Contains(chunk.BatchId)).ExecuteDeleteAsync(token);
                return await db.Batches.Where(batch => ids.Contains(batch.Id)).ExecuteDeleteAsync(token);
            },
            cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed {Files} files and {Batches} batches older than {Days} days.")]
    private partial void FilesRemoved(int files, int batches, int days);
}
