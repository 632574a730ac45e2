namespace ScaiGrid.Core.Storage;

/// <summary>Objects under keys with slashes: S3 in production, files on disk in embedded use. Bodies are streamed in bounded memory.</summary>
/// <remarks>
/// A store that is out of reach, or silent for longer than its timeout, throws an <c>ApiException</c> of <c>CoreErrors.Unavailable</c>.
/// Keys must be <see cref="BlobKey.IsValid">valid</see>.
/// </remarks>
public interface IBlobStore
{
    /// <returns>Null when there is no such object.</returns>
    Task<BlobInfo?> StatAsync(string key, CancellationToken cancellationToken);

    /// <summary>Opens an object, or a part of it, for reading.</summary>
    /// <returns>Null when there is no such object, or no longer in the version that <paramref name="range"/> was computed for.</returns>
    Task<BlobContent?> OpenAsync(string key, BlobRange? range, CancellationToken cancellationToken);

    /// <summary>
    /// Stores what <paramref name="body"/> yields until its end, replacing an older object at once. When reading it fails, or the
    /// caller cancels, nothing is kept and an older object stays: a body that checks itself (<see cref="VerifiedBody"/>) needs no more.
    /// </summary>
    Task<BlobInfo> WriteAsync(string key, Stream body, CancellationToken cancellationToken);

    /// <summary>Deletes an object; one that does not exist is no mistake.</summary>
    Task DeleteAsync(string key, CancellationToken cancellationToken);

    /// <summary>Lists objects whose key starts with <paramref name="prefix"/>, in the order of their keys.</summary>
    /// <param name="prefix">Any text, a folder or not; empty for all.</param>
    /// <param name="after">The page starts after this key.</param>
    /// <param name="limit">The most objects to return, 1 to 1000.</param>
    /// <param name="cancellationToken">The caller's.</param>
    Task<BlobPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken);

    /// <summary>Throws when the store cannot be used now.</summary>
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

/// <param name="Items">In the order of their keys.</param>
/// <param name="HasMore">Whether more follow after the last one.</param>
public sealed record BlobPage(IReadOnlyList<BlobInfo> Items, bool HasMore);

/// <summary>An object opened for reading: dispose it, or its connection or file stays open.</summary>
public sealed class BlobContent(BlobInfo info, Stream body) : IAsyncDisposable
{
    /// <summary>The whole object, also when only a part of it was opened.</summary>
    public BlobInfo Info { get; } = info;

    public Stream Body { get; } = body;

    public ValueTask DisposeAsync() => Body.DisposeAsync();
}
