using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// One append-only file of the journal, JSON lines. Writers reserve their place with one atomic addition and write beside each other;
/// after <see cref="Seal"/> the file never changes.
/// </summary>
/// <remarks>
/// A writer that died between reserving and writing leaves a hole. What was written is kept in memory as well, for shipping it
/// without reading it back.
/// </remarks>
internal sealed class JournalSegment : IDisposable
{
    private const long Sealed = 1L << 62;

    private readonly SafeFileHandle _file;
    private readonly ConcurrentQueue<JournalLine> _lines = new();
    private long _writers;
    private long _length;

    public JournalSegment(string path)
    {
        Path = path;
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
    }

    public string Path { get; }

    public long Length => Volatile.Read(ref _length);

    /// <summary>The records in it; whole once the segment is quiet.</summary>
    public IReadOnlyCollection<JournalLine> Lines => _lines;

    /// <summary>Whether all writers are done with a sealed segment.</summary>
    public bool IsQuiet => Volatile.Read(ref _writers) == Sealed;

    /// <returns>False when the segment is sealed: nothing was written, and another is open.</returns>
    /// <exception cref="IOException">The disk is full or broken.</exception>
    public bool TryAppend(JournalLine line)
    {
        if (Interlocked.Increment(ref _writers) > Sealed)
        {
            Interlocked.Decrement(ref _writers);
            return false;
        }

        try
        {
            using var framed = new PooledBytes(line.Json.Length + 2);
            line.WriteTo(framed);
            var position = Interlocked.Add(ref _length, framed.Length) - framed.Length;
            RandomAccess.Write(_file, framed.Span, position);
            _lines.Enqueue(line);
            return true;
        }
        finally
        {
            Interlocked.Decrement(ref _writers);
        }
    }

    public void Seal() => Interlocked.Add(ref _writers, Sealed);

    public void Dispose() => _file.Dispose();
}
