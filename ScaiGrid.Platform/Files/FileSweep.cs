using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Modules;
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Batch;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Files;

/// <summary>
/// Deletes what uploads leave behind if their process dies: bytes without a file row, and the parts of uploads to the store that were not completed.
/// </summary>
internal sealed partial class FileSweep(
    IBlobStore blobs, IDbContextFactory<PlatformDb> databases, TimeProvider time, ILogger<FileSweep> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromHours(6);
    public static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    /// <summary>Bytes and row are stored within milliseconds; only a batch whose worker waits for the database takes longer.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(1);

    /// <summary>Far longer than any upload takes: to remove the parts of a running one would make it fail.</summary>
    private static readonly TimeSpan Unfinished = TimeSpan.FromDays(7);

    private const int Together = 1000;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var before = time.GetUtcNow() - Forgotten;
        var removed = 0;
        string? after = null;
        BlobPage page;
        do
        {
            page = await blobs.ListAsync(StoredFile.Folder, after, Together, cancellationToken);
            removed += await SweepAsync([.. page.Items.Where(blob => blob.LastModified < before).Select(blob => blob.Key)], cancellationToken);
            after = page.Items is [.., var last] ? last.Key : null;
        }
        while (page.HasMore);

        if (removed > 0)
        {
            BytesRemoved(removed);
        }

        var unfinished = 0;
        foreach (var folder in (string[])[StoredFile.Folder, BatchRow.Folder])
        {
            unfinished += await blobs.RemoveUnfinishedAsync(folder, time.GetUtcNow() - Unfinished, cancellationToken);
        }

        if (unfinished > 0)
        {
            UploadsRemoved(unfinished);
        }
    }

    private async Task<int> SweepAsync(string[] keys, CancellationToken cancellationToken)
    {
        var byId = keys.ToLookup(key => key[(key.LastIndexOf('/') + 1)..]);
        string[] ids = [.. byId.Select(group => group.Key).Where(id => Ids.IsOne(id, Ids.File))];
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var known = await db.Files.Where(file => ids.Contains(file.Id)).Select(file => file.Id).ToHashSetAsync(cancellationToken);
        var removed = 0;
        foreach (var key in ids.Where(id => !known.Contains(id)).SelectMany(id => byId[id]))
        {
            try
            {
                await blobs.DeleteAsync(key, cancellationToken);
                removed++;
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                BytesKept(exception, key);
            }
        }

        return removed;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The unused object {Key} cannot be deleted.")]
    private partial void BytesKept(Exception exception, string key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Removed the bytes of {Count} unfinished file uploads.")]
    private partial void BytesRemoved(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} unfinished uploads to the store are removed.")]
    private partial void UploadsRemoved(int count);
}
