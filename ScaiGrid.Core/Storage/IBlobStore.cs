namespace ScaiGrid.Core.Storage;

/// <summary>Stores objects under keys with slashes: S3 in production, files on disk in embedded use. Bodies are streamed in bounded memory.</summary>
/// <remarks>
/// If the store is unavailable, or does not respond within its timeout, methods throw an <c>ApiException</c> with <c>CoreErrors.Unavailable</c>.
/// Keys must be <see cref="BlobKey.IsValid">valid</see>.
/// </remarks>
public interface IBlobStore
{
    /// <returns>Null if there is no such object.</returns>
    Task<BlobInfo?> StatAsync(string key, CancellationToken cancellationToken);

    /// <summary>Opens an object, or a part of it, for reading.</summary>
    /// <returns>Null if there is no such object, or not in the version that <paramref name="range"/> was computed for.</returns>
    Task<BlobContent?> OpenAsync(string key, BlobRange? range, CancellationToken cancellationToken);

    /// <summary>
    /// Stores everything that <paramref name="body"/> returns, and replaces an older object atomically. If reading the body fails, or the call is
    /// cancelled, nothing is stored and an older object stays. A body may therefore validate itself while it is read (<see cref="VerifiedBody"/>).
    /// </summary>
    Task<BlobInfo> WriteAsync(string key, Stream body, CancellationToken cancellationToken);

    /// <summary>Deletes an object; deleting one that does not exist succeeds.</summary>
    Task DeleteAsync(string key, CancellationToken cancellationToken);

    /// <summary>Lists objects whose key starts with <paramref name="prefix"/>, in the order of their keys.</summary>
    /// <param name="prefix">Any text, not necessarily a folder; empty for all objects.</param>
    /// <param name="after">The page starts after this key; null for the first page.</param>
    /// <param name="limit">The most objects to return, 1 to 1000.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    Task<BlobPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken);

    /// <summary>Removes the parts of uploads that began before a time and were not completed, because their process was killed.</summary>
    /// <param name="prefix">What the uploads' keys begin with.</param>
    /// <param name="before">The time before which they began.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The number of removed uploads.</returns>
    Task<int> RemoveUnfinishedAsync(string prefix, DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>Throws if the store cannot be used at the moment.</summary>
    Task CheckAsync(CancellationToken cancellationToken);
}

/// <param name="Key">The object's key.</param>
/// <param name="Length">In bytes.</param>
/// <param name="ETag">Opaque, without quotes; differs when the content differs.</param>
/// <param name="LastModified">When the object was stored.</param>
public sealed record BlobInfo(string Key, long Length, string ETag, DateTimeOffset LastModified);

/// <summary>A part of one version of an object.</summary>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">At least one byte; within the object.</param>
/// <param name="ETag">The version that the range was computed for.</param>
public sealed record BlobRange(long Offset, long Length, string ETag);

/// <param name="Items">Objects in the order of their keys.</param>
/// <param name="HasMore">Whether more objects follow.</param>
public sealed record BlobPage(IReadOnlyList<BlobInfo> Items, bool HasMore);

/// <summary>An object opened for reading. Must be disposed, to close its connection or file.</summary>
public sealed class BlobContent(BlobInfo info, Stream body) : IAsyncDisposable
{
    /// <summary>Describes the whole object, even if only a part of it was opened.</summary>
    public BlobInfo Info { get; } = info;

    public Stream Body { get; } = body;

    public ValueTask DisposeAsync() => Body.DisposeAsync();
}
