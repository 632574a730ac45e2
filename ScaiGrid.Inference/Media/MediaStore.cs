using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Inference.Media;

/// <summary>Stores generated media for the lifetime of their links. Names start with the time, so that listings return the oldest first.</summary>
public sealed partial class MediaStore(IBlobStore blobs, TimeProvider time, ILogger<MediaStore> logger)
{
    private const string Folder = "media/";
    private const int PageSize = 500;

    /// <returns>The name to create a link for.</returns>
    public async Task<string> SaveAsync(ReadOnlyMemory<byte> content, MediaType type, CancellationToken cancellationToken)
    {
        var name = $"{Ids.New("media", time)}.{type.Extension}";
        using var body = new MemoryStream(content.ToArray(), writable: false);
        await blobs.WriteAsync(Folder + name, body, cancellationToken);
        return name;
    }

    /// <returns>Null if the object no longer exists.</returns>
    public Task<BlobContent?> OpenAsync(string name, CancellationToken cancellationToken) => blobs.OpenAsync(Folder + name, range: null, cancellationToken);

    /// <summary>Deletes the objects whose links have expired.</summary>
    /// <returns>The number of deleted objects.</returns>
    public async Task<int> DeleteExpiredAsync(CancellationToken cancellationToken)
    {
        var keep = time.GetUtcNow() - MediaLinks.Lifetime;
        var deleted = 0;
        string? after = null;
        while (true)
        {
            var page = await blobs.ListAsync(Folder, after, PageSize, cancellationToken);
            var expired = page.Items.TakeWhile(blob => CreatedAt(blob) < keep).ToList();
            foreach (var blob in expired)
            {
                try
                {
                    await blobs.DeleteAsync(blob.Key, cancellationToken);
                    deleted++;
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    MediaKept(exception, blob.Key);
                }
            }

            if (expired.Count < PageSize)
            {
                return deleted;
            }

            after = expired[^1].Key;
        }
    }

    private static DateTimeOffset CreatedAt(BlobInfo blob)
    {
        var start = blob.Key.IndexOf('_', StringComparison.Ordinal) + 1;
        var end = blob.Key.IndexOf('.', StringComparison.Ordinal);
        return start > 0 && end > start && Ulid.TryParse(blob.Key.AsSpan(start, end - start), out var id) ? id.Time : blob.LastModified;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The expired object {Key} cannot be deleted.")]
    private partial void MediaKept(Exception exception, string key);
}
