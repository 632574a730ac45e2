using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>Blobs as files, for embedded use. Several processes of one machine may share the folder.</summary>
internal sealed partial class DiskBlobStore(string root, TimeProvider time, ILogger<DiskBlobStore> logger) : IBlobStore
{
    private const int CopyBufferBytes = 256 * 1024;
    private const int RenameAttempts = 20;
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    private readonly string _blobs = Path.Combine(root, "blobs");
    private readonly string _incoming = Path.Combine(root, "incoming");
    private int _swept;

    public Task<BlobInfo?> StatAsync(string key, CancellationToken cancellationToken) => Task.FromResult(Guard(() =>
    {
        using var file = DiskBlobFile.Open(PathOf(key));
        return file is null ? null : DiskBlobFile.ReadInfo(key, file);
    }));

    public Task<BlobContent?> OpenAsync(string key, BlobRange? range, CancellationToken cancellationToken) => Task.FromResult(Guard(() =>
    {
        var file = DiskBlobFile.Open(PathOf(key));
        if (file is null)
        {
            return null;
        }

        var info = DiskBlobFile.ReadInfo(key, file);
        if (range is not null && range.ETag != info.ETag)
        {
            file.Dispose();
            return null;
        }

        return new BlobContent(info, new FileRangeStream(file, range?.Offset ?? 0, range?.Length ?? info.Length));
    }));

    public async Task<BlobInfo> WriteAsync(string key, Stream body, CancellationToken cancellationToken)
    {
        var path = PathOf(key);
        var temporary = Path.Combine(_incoming, Ulid.NewUlid(time.GetUtcNow()).ToString());
        try
        {
            var (length, sha256) = await WriteTemporaryAsync(temporary, body, cancellationToken);
            Guard(() => Rename(temporary, path));
            return new BlobInfo(key, length, DiskBlobFile.ETag(sha256), time.GetUtcNow());
        }
        finally
        {
            // The file no longer exists if the write succeeded.
            Guard(() => File.Delete(temporary));
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        Guard(() =>
        {
            var path = PathOf(key);
            if (File.Exists(path))
            {
                File.Delete(path);
                RemoveEmptyFolders(Path.GetDirectoryName(path)!);
            }
        });
        return Task.CompletedTask;
    }

    public Task<BlobPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken) =>
        Task.FromResult(Guard(() => DiskListing.Read(_blobs, prefix, after, limit, cancellationToken)));

    // The first write of each process removes them.
    public Task<int> RemoveUnfinishedAsync(string prefix, DateTimeOffset before, CancellationToken cancellationToken) => Task.FromResult(0);

    public Task CheckAsync(CancellationToken cancellationToken)
    {
        Guard(() =>
        {
            Directory.CreateDirectory(_incoming);
            using var probe = File.Create(Path.Combine(_incoming, Ulid.NewUlid(time.GetUtcNow()).ToString()), 1, FileOptions.DeleteOnClose);
        });
        return Task.CompletedTask;
    }

    private async Task<(long Length, byte[] Sha256)> WriteTemporaryAsync(string path, Stream body, CancellationToken cancellationToken)
    {
        await using var file = Guard(() => Create(path));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBufferBytes);
        try
        {
            int read;
            long length = 0;
            while ((read = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken)) > 0)
            {
                hash.AppendData(buffer, 0, read);
                await GuardAsync(file.WriteAsync(buffer.AsMemory(0, read), cancellationToken));
                length += read;
            }

            var sha256 = hash.GetHashAndReset();
            await GuardAsync(file.WriteAsync(DiskBlobFile.Footer(sha256), cancellationToken));

            // Before the rename: otherwise a power failure could leave a file without its content.
            Guard(() => file.Flush(flushToDisk: true));
            return (length, sha256);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private FileStream Create(string path)
    {
        var folder = Directory.CreateDirectory(_incoming);
        if (Interlocked.Exchange(ref _swept, 1) == 0)
        {
            // Files of killed processes. A running upload writes to its file far more often than this.
            foreach (var file in folder.EnumerateFiles().Where(file => time.GetUtcNow() - file.LastWriteTimeUtc > AbandonedAfter))
            {
                file.Delete();
            }
        }

        return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
    }

    private static void Rename(string temporary, string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Move(temporary, path, overwrite: true);
                return;
            }
            catch (IOException) when (attempt < RenameAttempts && File.Exists(temporary))
            {
                // A concurrent delete may have removed the folder as empty, and a write may have created it again: the exception can be any of these.
            }
        }
    }

    private void RemoveEmptyFolders(string folder)
    {
        try
        {
            for (; folder.Length > _blobs.Length; folder = Path.GetDirectoryName(folder)!)
            {
                Directory.Delete(folder);
            }
        }
        catch (IOException)
        {
            // Not empty, or removed by another delete.
        }
    }

    private string PathOf(string key) => BlobKey.IsValid(key)
        ? Path.Combine(_blobs, DiskPaths.ForKey(key))
        : throw new ArgumentException("The key is not valid.", nameof(key));

    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw Failed(exception);
        }
    }

    private void Guard(Action action) => Guard(() =>
    {
        action();
        return true;
    });

    private async Task GuardAsync(ValueTask task)
    {
        try
        {
            await task;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw Failed(exception);
        }
    }

    private ApiException Failed(Exception exception)
    {
        StoreFailed(exception);
        return new ApiException(CoreErrors.Unavailable, "The blob store is unavailable; try again.");
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The blob folder could not be accessed.")]
    private partial void StoreFailed(Exception exception);
}
