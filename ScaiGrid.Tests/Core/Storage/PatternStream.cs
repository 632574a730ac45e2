using System.Security.Cryptography;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Tests.Core.Storage;

/// <summary>
/// A body of any length that is generated while it is read. Its pattern is not aligned with any buffer size. With failAt, reading fails at that position.
/// </summary>
internal sealed class PatternStream(long length, long failAt = long.MaxValue) : ReadOnlyStream
{
    // A prime, so that the pattern is not aligned with part and buffer sizes, which are powers of two.
    private const int PeriodBytes = 1_000_003;

    private static readonly byte[] Period = MakePeriod();
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;
    private string? _sha256;

    /// <summary>SHA-256, in hex, of the bytes read so far.</summary>
    public string Sha256 => _sha256 ?? Convert.ToHexStringLower(_hash.GetCurrentHash());

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= failAt)
        {
            throw new IOException("The sender broke off.");
        }

        var start = (int)(_position % PeriodBytes);
        var count = (int)Math.Min(Math.Min(buffer.Length, PeriodBytes - start), length - _position);
        Period.AsSpan(start, count).CopyTo(buffer.Span);
        _hash.AppendData(Period, start, count);
        _position += count;
        return ValueTask.FromResult(count);
    }

    /// <summary>The bytes at an offset of the body.</summary>
    public static byte[] Bytes(long offset, int count) => [.. Enumerable.Range(0, count).Select(i => Period[(offset + i) % PeriodBytes])];

    protected override void Dispose(bool disposing)
    {
        if (disposing && _sha256 is null)
        {
            // HTTP clients dispose the body after sending it; the hash must stay available.
            _sha256 = Sha256;
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private static byte[] MakePeriod()
    {
        var bytes = new byte[PeriodBytes];
        new Random(20_26).NextBytes(bytes);
        return bytes;
    }
}
