using Amazon.Runtime.Internal.Util;
using Amazon.S3.Model;

namespace ScaiGrid.Core.Storage;

/// <summary>The body of an object, at most <paramref name="length"/> bytes of it: each read is bounded by the store's timeout, the whole is not.</summary>
internal sealed class S3BodyStream(GetObjectResponse response, long length, S3Connection s3) : ReadOnlyStream
{
    // The client wraps bodies in an MD5 that nothing compares here; it costs a core and a copy of each read.
    private readonly Stream _body = WrapperStream.GetNonWrapperBaseStream(response.ResponseStream);

    // Some stores send more than the range that they were asked for.
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
