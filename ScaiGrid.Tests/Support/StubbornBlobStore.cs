using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Tests.Support;

/// <summary>A blob store in which one object cannot be deleted.</summary>
internal sealed class StubbornBlobStore(IBlobStore inner) : IBlobStore
{
    public string? Stubborn { get; set; }

    public Task<BlobInfo?> StatAsync(string key, CancellationToken cancellationToken) => inner.StatAsync(key, cancellationToken);

    public Task<BlobContent?> OpenAsync(string key, BlobRange? range, CancellationToken cancellationToken) => inner.OpenAsync(key, range, cancellationToken);

    public Task<BlobInfo> WriteAsync(string key, Stream body, CancellationToken cancellationToken) => inner.WriteAsync(key, body, cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) =>
        key == Stubborn ? throw new ApiException(CoreErrors.Unavailable) : inner.DeleteAsync(key, cancellationToken);

    public Task<BlobPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken) =>
        inner.ListAsync(prefix, after, limit, cancellationToken);

    public Task<int> RemoveUnfinishedAsync(string prefix, DateTimeOffset before, CancellationToken cancellationToken) =>
        inner.RemoveUnfinishedAsync(prefix, before, cancellationToken);

    public Task CheckAsync(CancellationToken cancellationToken) => inner.CheckAsync(cancellationToken);
}
