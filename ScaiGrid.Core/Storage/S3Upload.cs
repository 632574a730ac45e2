using Amazon.S3.Model;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// Uploads a body whose length need not be known: a simple put for up to one part, a multipart upload for more. The object appears when the
/// last call succeeds, so a body that fails at its very end leaves nothing behind.
/// </summary>
internal sealed class S3Upload(S3Connection s3, S3PartBuffers buffers, string key, Stream body)
{
    private const int MaxParts = 10_000;
    private const int PartsInFlight = 3;
    private const int BeginBytes = 4096;

    // Some stores assemble the parts during this call.
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMinutes(10);

    public async Task<(long Length, string ETag)> RunAsync(CancellationToken cancellationToken)
    {
        var first = await ReadPartAsync(cancellationToken);
        return first.IsLast ? await PutAsync(first, cancellationToken) : await PutPartsAsync(first, cancellationToken);
    }

    private async Task<(long Length, string ETag)> PutAsync(S3Part part, CancellationToken cancellationToken)
    {
        using (part)
        {
            var put = await s3.CallAsync(
                (client, token) => client.PutObjectAsync(
                    new PutObjectRequest { BucketName = s3.Bucket, Key = key, InputStream = part.AsStream(), UseChunkEncoding = false },
                    token),
                cancellationToken);
            return (part.Length, put.ETag);
        }
    }

    private async Task<(long Length, string ETag)> PutPartsAsync(S3Part first, CancellationToken cancellationToken)
    {
        // :: Step 1: begin, with the first part in memory
        var upload = await BeginAsync(first, cancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sending = new Queue<Task<PartETag>>();
        try
        {
            // :: Step 2: send parts while the next one is read; reading pauses while enough parts are in flight
            var sent = new List<PartETag>();
            long length = 0;
            for (var part = first; ; part = await ReadPartAsync(cancellationToken))
            {
                if (part.Length == 0)
                {
                    // The body ended exactly at the end of the previous part, and S3 has no empty parts.
                    part.Dispose();
                    break;
                }

                length += part.Length;
                sending.Enqueue(SendAsync(upload, part, sent.Count + sending.Count + 1, stop.Token));
                if (part.IsLast)
                {
                    break;
                }

                if (sending.Count == PartsInFlight)
                {
                    sent.Add(await sending.Dequeue());
                }
            }

            while (sending.TryDequeue(out var task))
            {
                sent.Add(await task);
            }

            // :: Step 3: complete the object
            var request = new CompleteMultipartUploadRequest { BucketName = s3.Bucket, Key = key, UploadId = upload, PartETags = sent };
            var completed = await s3.CallAsync((client, token) => client.CompleteMultipartUploadAsync(request, token), cancellationToken, CompletionTimeout);
            return (length, completed.ETag);
        }
        catch
        {
            await stop.CancelAsync();
            await Task.WhenAll((IEnumerable<Task>)sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await AbortAsync(upload);
            throw;
        }
    }

    /// <returns>The upload's id.</returns>
    private async Task<string> BeginAsync(S3Part first, CancellationToken cancellationToken)
    {
        try
        {
            var request = new InitiateMultipartUploadRequest { BucketName = s3.Bucket, Key = key };
            return (await s3.CallAsync((client, token) => client.InitiateMultipartUploadAsync(request, token), cancellationToken)).UploadId;
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

    private async Task<S3Part> ReadPartAsync(CancellationToken cancellationToken)
    {
        // A sender that sends nothing holds none of the large buffers, which all uploads share.
        var begin = new byte[BeginBytes];
        var begun = await body.ReadAsync(begin, cancellationToken);
        var part = await buffers.RentAsync(cancellationToken);
        try
        {
            await part.FillAsync(begin.AsMemory(0, begun), body, cancellationToken);
            return part;
        }
        catch
        {
            part.Dispose();
            throw;
        }
    }

    private async Task<PartETag> SendAsync(string upload, S3Part part, int number, CancellationToken cancellationToken)
    {
        using (part)
        {
            if (number > MaxParts)
            {
                throw new ApiException(CoreErrors.PayloadTooLarge, $"The store takes objects of up to {(long)MaxParts * S3PartBuffers.PartBytes} bytes.");
            }

            var response = await s3.CallAsync(
                (client, token) => client.UploadPartAsync(
                    new UploadPartRequest
                    {
                        BucketName = s3.Bucket,
                        Key = key,
                        UploadId = upload,
                        PartNumber = number,
                        PartSize = part.Length,
                        InputStream = part.AsStream(),
                        UseChunkEncoding = false,
                    },
                    token),
                cancellationToken);
            return new PartETag(number, response.ETag);
        }
    }

    private async Task AbortAsync(string upload)
    {
        try
        {
            // Not with the caller's token, which is often already cancelled.
            var request = new AbortMultipartUploadRequest { BucketName = s3.Bucket, Key = key, UploadId = upload };
            await s3.CallAsync((client, token) => client.AbortMultipartUploadAsync(request, token), CancellationToken.None);
        }
        catch (ApiException)
        {
            // Already logged. The caller needs the reason for the abort; the bucket's lifecycle rule removes the parts.
        }
    }
}
