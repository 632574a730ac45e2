using System.Security.Cryptography;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// Passes a body through and compares its checksum at the end. The last read throws on a mismatch, before a store has seen the end of the
/// body, so that nothing is stored.
/// </summary>
public sealed class VerifiedBody(Stream body, BlobChecksum expected) : ReadOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(expected.Algorithm);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        if (read > 0)
        {
            _hash.AppendData(buffer.Span[..read]);
        }
        else if (buffer.Length > 0 && !_hash.GetCurrentHash().AsSpan().SequenceEqual(expected.Value))
        {
            throw new ApiException(StorageErrors.ChecksumMismatch);
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
