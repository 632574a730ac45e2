using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// One append-only file of the journal, in JSON lines. Writers reserve their place with one atomic addition and write in parallel; after
/// <see cref="Seal"/> the file never changes.
/// </summary>
/// <remarks>
/// A writer that dies between reserving and writing leaves a hole of zero bytes, and so does a failed write. The records are kept in memory as well,
/// so that they can be shipped without reading the file.
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

    /// <summary>Bytes in the file, including the holes of failed writes.</summary>
    public long Extent => Volatile.Read(ref _reserved);

    /// <summary>Bytes of the records in the file.</summary>
    public long Length => Extent - Volatile.Read(ref _failed);

    /// <summary>The records in the file; complete once <see cref="IsQuiet"/> is true.</summary>
    public IReadOnlyCollection<JournalLine> Lines => _lines;

    /// <summary>Whether the segment is sealed and no writer is in it any more.</summary>
    public bool IsQuiet => Volatile.Read(ref _writers) == Sealed;

    /// <returns>False if the segment is sealed: nothing was written, and a newer segment is open.</returns>
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
