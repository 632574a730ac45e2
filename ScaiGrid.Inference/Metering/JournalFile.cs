using System.Buffers;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// A file of the journal on its way to Redis, of which only one piece at a time is in memory, whatever its size. Nobody but
/// <see cref="UsageShipper"/> writes to it any more. How much of it is shipped is known to this process alone: who finds the file after it begins anew.
/// </summary>
/// <param name="path">Where it is.</param>
/// <param name="length">Bytes that are in it already.</param>
internal sealed class JournalFile(string path, long length)
{
    // Below what the runtime takes for a large object, which only a full collection frees.
    private const int PieceSize = 64 * 1024;

    // Records have no zeros: where one is, a hole ends.
    private static readonly SearchValues<byte> Ends = SearchValues.Create("\n\0"u8);

    private long _position;

    /// <summary>Bytes in it, without what an <see cref="Append"/> wrote that failed.</summary>
    public long Length { get; private set; } = length;

    /// <summary>Bytes in it that are not shipped.</summary>
    public long Remaining => Math.Max(Length - _position, 0);

    /// <exception cref="IOException">The disk is full or broken: a part may be in the file.</exception>
    public void Append(ReadOnlySpan<byte> framed)
    {
        File.AppendAllBytes(path, framed);
        Length += framed.Length;
    }

    /// <summary>What comes next; what is no whole record belongs to a call whose caller never saw its end.</summary>
    public JournalPiece Read()
    {
        // Never made, since the disk was full, or gone.
        if (!File.Exists(path))
        {
            return new JournalPiece([], _position, IsLast: true);
        }

        using var file = File.OpenHandle(path);
        var end = RandomAccess.GetLength(file);
        for (var size = PieceSize; ; size *= 2)
        {
            // A new one for each piece: after a timeout its records may still be on their way.
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

    /// <summary>Goes on behind a piece that is shipped; behind the last one the file is deleted.</summary>
    /// <returns>Whether it is gone.</returns>
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

/// <param name="Lines">The records in it.</param>
/// <param name="End">Where the next piece begins.</param>
/// <param name="IsLast">Whether there is none.</param>
internal readonly record struct JournalPiece(IReadOnlyList<JournalLine> Lines, long End, bool IsLast);
