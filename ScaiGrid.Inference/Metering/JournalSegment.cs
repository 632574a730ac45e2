using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// One append-only file of the journal, JSON lines. Writers reserve their place with one atomic addition and write beside each other;
/// after <see cref="Seal"/> the file never changes.
/// </summary>
/// <remarks>
/// A writer that died between reserving and writing leaves a hole, and so does one whose write failed. What was written is kept in memory as well, for shipping it
/// without reading it back.
/// </remarks>
internal sealed class JournalSegment : IDisposable
{
    private const long Sealed = 1L << 62;

    private readonly SafeFileHandle _file;
    private readonly ConcurrentQueue<JournalLine> _lines = new();
    private long _writers;
    private long _reserved;
    private long _failed;

    public JournalSegment(string path)
    {
        Path = path;
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
    }

    public string Path { get; }

    /// <summary>Bytes in the file, with the holes that writers left whose write failed.</summary>
    public long Extent => Volatile.Read(ref _reserved);

    /// <summary>Bytes of the records in it.</summary>
    public long Length => Extent - Volatile.Read(ref _failed);

    /// <summary>The records in it; whole once the segment is quiet.</summary>
    public IReadOnlyCollection<JournalLine> Lines => _lines;

    /// <summary>Whether all writers are done with a sealed segment.</summary>
    public bool IsQuiet => Volatile.Read(ref _writers) == Sealed;

    /// <returns>False when the segment is sealed: nothing was written, and another is open.</returns>
    /// <exception cref="IOException">The disk is full or broken.</exception>
    public bool TryAppend(JournalLine line)
    {
        using var framed = new PooledBytes(line.Json.Length + 2);
        line.WriteTo(framed);
        if (Interlocked.Increment(ref _writers) > Sealed)
        {
            Interlocked.Decrement(ref _writers);
            return false;
        }

        try
        {
            var position = Interlocked.Add(ref _reserved, framed.Length) - framed.Length;
            RandomAccess.Write(_file, framed.Span, position);
            _lines.Enqueue(line);
            return true;
        }
        catch
        {
            Interlocked.Add(ref _failed, framed.Length);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _writers);
        }
    }

    public void Seal() => Interlocked.Add(ref _writers, Sealed);

    public void Dispose() => _file.Dispose();
}
