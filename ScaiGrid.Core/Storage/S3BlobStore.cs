using System.Globalization;
using System.Net;
using Amazon.S3;
using Amazon.S3.Model;

namespace ScaiGrid.Core.Storage;

/// <summary>Blobs in a bucket of an S3-compatible store. ETags are the store's own.</summary>
internal sealed class S3BlobStore(S3Connection s3, StorageOptions options, TimeProvider time) : IBlobStore, IDisposable
{
    private readonly S3PartBuffers _buffers = new(options.S3UploadBuffers, options.S3Timeout, time);

    public async Task<BlobInfo?> StatAsync(string key, CancellationToken cancellationToken)
    {
        var request = new GetObjectMetadataRequest { BucketName = s3.Bucket, Key = Checked(key) };
        var found = await s3.FindAsync((client, token) => client.GetObjectMetadataAsync(request, token), cancellationToken);
        return found is null ? null : new BlobInfo(key, found.ContentLength, Unquote(found.ETag), Utc(found.LastModified));
    }

    public async Task<BlobContent?> OpenAsync(string key, BlobRange? range, CancellationToken cancellationToken)
    {
        var request = new GetObjectRequest { BucketName = s3.Bucket, Key = Checked(key) };
        if (range is not null)
        {
            request.ByteRange = new ByteRange(range.Offset, range.Offset + range.Length - 1);
            request.EtagToMatch = $"\"{range.ETag}\"";
        }

        var found = await s3.FindAsync((client, token) => client.GetObjectAsync(request, token), cancellationToken);
        if (found is null)
        {
            return null;
        }

        // Some stores ignore If-Match or ranges: bytes of another version, or of another range, must not be returned.
        if (range is not null && (Unquote(found.ETag) != range.ETag || found.HttpStatusCode != HttpStatusCode.PartialContent))
        {
            found.Dispose();
            return null;
        }

        var info = new BlobInfo(key, range is null ? found.ContentLength : TotalLength(found.ContentRange), Unquote(found.ETag), Utc(found.LastModified));
        return new BlobContent(info, new S3BodyStream(found, range?.Length ?? found.ContentLength, s3));
    }

    public async Task<BlobInfo> WriteAsync(string key, Stream body, CancellationToken cancellationToken)
    {
        var (length, etag) = await new S3Upload(s3, _buffers, Checked(key), body).RunAsync(cancellationToken);
        return new BlobInfo(key, length, Unquote(etag), time.GetUtcNow());
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var request = new DeleteObjectRequest { BucketName = s3.Bucket, Key = Checked(key) };
        await s3.FindAsync((client, token) => client.DeleteObjectAsync(request, token), cancellationToken);
    }

    public async Task<BlobPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = s3.Bucket, Prefix = prefix, StartAfter = after, MaxKeys = limit };
        var page = await s3.CallAsync((client, token) => client.ListObjectsV2Async(request, token), cancellationToken);
        var items = (page.S3Objects ?? []).Select(item => new BlobInfo(item.Key, item.Size ?? 0, Unquote(item.ETag), Utc(item.LastModified)));
        return new BlobPage([.. items], page.IsTruncated ?? false);
    }

    public async Task<int> RemoveUnfinishedAsync(string prefix, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var request = new ListMultipartUploadsRequest { BucketName = s3.Bucket, Prefix = prefix };
        var removed = 0;
        while (true)
        {
            var page = await s3.CallAsync((client, token) => ListUnfinishedAsync(client, request, token), cancellationToken);
            foreach (var upload in (page.MultipartUploads ?? []).Where(upload => Utc(upload.Initiated) < before))
            {
                var abort = new AbortMultipartUploadRequest { BucketName = s3.Bucket, Key = upload.Key, UploadId = upload.UploadId };
                await s3.FindAsync((client, token) => client.AbortMultipartUploadAsync(abort, token), cancellationToken);
                removed++;
            }

            if (page.IsTruncated != true)
            {
                break;
            }

            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }

        return removed;
    }

    public Task CheckAsync(CancellationToken cancellationToken)
    {
        var request = new HeadBucketRequest { BucketName = s3.Bucket };
        return s3.CallAsync((client, token) => client.HeadBucketAsync(request, token), cancellationToken);
    }

    public void Dispose()
    {
        _buffers.Dispose();
        s3.Dispose();
    }

    // A store without this call has no list of them.
    private static async Task<ListMultipartUploadsResponse> ListUnfinishedAsync(IAmazonS3 client, ListMultipartUploadsRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await client.ListMultipartUploadsAsync(request, cancellationToken);
        }
        catch (AmazonS3Exception exception) when (exception.StatusCode is HttpStatusCode.NotImplemented)
        {
            return new ListMultipartUploadsResponse();
        }
    }

    private static string Checked(string key) => BlobKey.IsValid(key) ? key : throw new ArgumentException("The key is not valid.", nameof(key));

    private static string Unquote(string? etag) => etag?.Trim('"') ?? "";

    private DateTimeOffset Utc(DateTime? timestamp) => timestamp is { } value ? new DateTimeOffset(value.ToUniversalTime()) : time.GetUtcNow();

    // "bytes 0-99/12345"
    private static long TotalLength(string contentRange) => long.Parse(contentRange.AsSpan(contentRange.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture);
}
