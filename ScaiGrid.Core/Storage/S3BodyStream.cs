using Amazon.Runtime.Internal.Util;
using Amazon.S3.Model;

namespace ScaiGrid.Core.Storage;

/// <summary>An object's body, at most <paramref name="length"/> bytes of it. The store's timeout applies to each read, not to the whole body.</summary>
internal sealed class S3BodyStream(GetObjectResponse response, long length, S3Connection s3) : ReadOnlyStream
{
    // The SDK wraps bodies in an MD5 stream that nothing compares; it would cost CPU time and a copy for each read.
    private readonly Stream _body = WrapperStream.GetNonWrapperBaseStream(response.ResponseStream);

    // Some stores send more than the requested range.
    private long _left = length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(s3.Timeout);
        try
        {
            var read = await _body.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], limited.Token);
            _left -= read;
            return read;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw s3.Failed(exception);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            response.Dispose();
        }

        base.Dispose(disposing);
    }
}
