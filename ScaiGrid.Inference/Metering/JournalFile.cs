using System.Buffers;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// A journal file that is being shipped to Redis, read piece by piece so that its size does not matter. Only <see cref="UsageShipper"/> still
/// writes to it. The position up to which it was shipped is kept in memory only: after a restart the file is shipped from the start.
/// </summary>
/// <param name="path">Path of the file.</param>
/// <param name="length">Bytes already in it.</param>
/// <param name="isAbandoned">Whether a dead process wrote it.</param>
internal sealed class JournalFile(string path, long length, bool isAbandoned = false)
{
    // Below the runtime's threshold for large objects, which only a full collection frees.
    private const int PieceSize = 64 * 1024;

    // Records contain no zero bytes: a zero is the end of a hole.
    private static readonly SearchValues<byte> Ends = SearchValues.Create("\n\0"u8);

    private long _position;

    /// <summary>Bytes in the file, without those of a failed <see cref="Append"/>.</summary>
    public long Length { get; private set; } = length;

    /// <summary>Whether a dead process wrote it.</summary>
    public bool IsAbandoned => isAbandoned;

    /// <summary>Bytes that are not shipped yet.</summary>
    public long Remaining => Math.Max(Length - _position, 0);

    /// <exception cref="IOException">The disk is full or broken: a part of the bytes may be in the file.</exception>
    public void Append(ReadOnlySpan<byte> framed)
    {
        File.AppendAllBytes(path, framed);
        Length += framed.Length;
    }

    /// <summary>Reads the next piece. An incomplete record is skipped: it belongs to a call whose caller never saw its end.</summary>
    public JournalPiece Read()
    {
        // Never created, because the disk was full, or deleted by somebody.
        if (!File.Exists(path))
        {
            return new JournalPiece([], _position, IsLast: true);
        }

        using var file = File.OpenHandle(path);
        var end = RandomAccess.GetLength(file);
        for (var size = PieceSize; ; size *= 2)
        {
            // A new buffer for each piece: after a timeout its records may still be in flight.
            var bytes = new byte[size];
            var read = RandomAccess.Read(file, bytes, _position);
            var isLast = read == 0 || _position + read >= end;
            var whole = isLast ? read : bytes.AsSpan(0, read).LastIndexOfAny(Ends) + 1;
            if (whole > 0 || isLast)
            {
                return new JournalPiece(Parse(bytes.AsMemory(0, whole)), _position + whole, isLast);
            }
        }
    }

    /// <summary>Continues after a shipped piece; after the last one the file is deleted.</summary>
    /// <returns>Whether the file was deleted.</returns>
    public bool Pass(JournalPiece piece)
    {
        _position = piece.End;
        if (piece.IsLast)
        {
            File.Delete(path);
        }

        return piece.IsLast;
    }

    private static List<JournalLine> Parse(ReadOnlyMemory<byte> bytes)
    {
        var lines = new List<JournalLine>();
        string? tenantId = null;
        foreach (var range in bytes.Span.SplitAny(Ends))
        {
            var text = bytes[range];
            if (!text.IsEmpty && JournalLine.TryRead(text, tenantId, out var line))
            {
                lines.Add(line);
                tenantId = line.TenantId;
            }
        }

        return lines;
    }
}

/// <param name="Lines">The piece's records.</param>
/// <param name="End">The file position at which the next piece begins.</param>
/// <param name="IsLast">Whether this is the last piece.</param>
internal readonly record struct JournalPiece(IReadOnlyList<JournalLine> Lines, long End, bool IsLast);
