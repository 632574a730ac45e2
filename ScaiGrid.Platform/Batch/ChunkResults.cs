using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Platform.Batch;

/// <summary>
/// The results of a chunk, in a local temporary file, so that memory does not grow with the answers. The records added since the last save are a note, which
/// a worker that takes the chunk over appends to its own file.
/// </summary>
/// <remarks>A record is the position of the line in its chunk (4 bytes), a kind (1 byte), a length (4 bytes), and, of a result, its line of the result file.</remarks>
internal sealed class ChunkResults(string path) : IDisposable
{
    private const int HeadBytes = 9;
    private const int CopyBytes = 128 * 1024;
    private const byte Error = 0;
    private const byte Output = 1;
    private const byte FailedTry = 2;
    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    private readonly SafeFileHandle _file = File.OpenHandle(
        path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.Asynchronous | FileOptions.DeleteOnClose);

    private readonly ConcurrentDictionary<int, Place> _places = new();
    private readonly ConcurrentDictionary<int, int> _failures = new();
    private readonly SemaphoreSlim _adding = new(1);
    private long _end;
    private long _notedTo;

    public bool Has(int index) => _places.ContainsKey(index);

    public int Count(bool succeeded) => _places.Values.Count(place => place.Succeeded == succeeded);

    /// <summary>The number of failed attempts of a line without a result.</summary>
    public int Failures(int index) => _failures.GetValueOrDefault(index);

    public Task AddAsync(LineResult result) => AddAsync(result.Index, result.Succeeded ? Output : Error, result.Json, LineEnd);

    public Task AddFailureAsync(int index) => AddAsync(index, FailedTry);

    /// <summary>Appends a note. Called before any result is added.</summary>
    public async Task TakeInAsync(Stream note, CancellationToken cancellationToken)
    {
        var (start, buffer) = (_end, ArrayPool<byte>.Shared.Rent(CopyBytes));
        try
        {
            for (int read; (read = await note.ReadAsync(buffer, cancellationToken)) > 0; _end += read)
            {
                await RandomAccess.WriteAsync(_file, buffer.AsMemory(0, read), _end, cancellationToken);
            }

            for (var at = start; at < _end;)
            {
                if (await RandomAccess.ReadAsync(_file, buffer.AsMemory(0, HeadBytes), at, cancellationToken) < HeadBytes)
                {
                    throw new InvalidDataException("A note of a chunk is damaged.");
                }

                var length = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(5));
                Know(BinaryPrimitives.ReadInt32LittleEndian(buffer), buffer[4], at + HeadBytes, length);
                at += HeadBytes + length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _notedTo = _end;
    }

    /// <summary>Streams the lines of a result file, in the order of the input.</summary>
    public Stream Lines(bool succeeded) => new FileRanges(
        _file, [.. _places.Where(line => line.Value.Succeeded == succeeded).OrderBy(line => line.Key).Select(line => (line.Value.Offset, (long)line.Value.Length))]);

    /// <summary>Passes the records added since the last note to <paramref name="store"/>, if there are any. Not to be called concurrently.</summary>
    public async Task NoteAsync(Func<Stream, Task> store)
    {
        var end = Volatile.Read(ref _end);
        if (end > _notedTo)
        {
            await using var note = new FileRanges(_file, [(_notedTo, end - _notedTo)]);
            await store(note);
            _notedTo = end;
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _adding.Dispose();
    }

    // Cannot be cancelled, because the answer is paid for.
    private async Task AddAsync(int index, byte kind, params ReadOnlyMemory<byte>[] content)
    {
        var (head, length) = (new byte[HeadBytes], content.Sum(part => part.Length));
        BinaryPrimitives.WriteInt32LittleEndian(head, index);
        head[4] = kind;
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(5), length);
        await _adding.WaitAsync();
        try
        {
            await RandomAccess.WriteAsync(_file, [head, .. content], _end);
            Know(index, kind, _end + HeadBytes, length);
            Volatile.Write(ref _end, _end + HeadBytes + length);
        }
        finally
        {
            _adding.Release();
        }
    }

    private void Know(int index, byte kind, long offset, int length)
    {
        if (kind == FailedTry)
        {
            _failures.AddOrUpdate(index, 1, (_, count) => count + 1);
        }
        else
        {
            _places[index] = new Place(offset, length, kind == Output);
        }
    }

    private readonly record struct Place(long Offset, int Length, bool Succeeded);

    /// <summary>Reads ranges of an open file one after the other, and leaves the file open.</summary>
    private sealed class FileRanges(SafeFileHandle file, IReadOnlyList<(long Offset, long Length)> ranges) : ReadOnlyStream
    {
        private int _range;
        private long _read;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var filled = 0;
            while (filled < buffer.Length && _range < ranges.Count)
            {
                var (offset, length) = ranges[_range];
                var part = buffer[filled..];
                part = part[..(int)Math.Min(part.Length, length - _read)];
                var read = await RandomAccess.ReadAsync(file, part, offset + _read, cancellationToken);
                if (read == 0)
                {
                    throw new EndOfStreamException();
                }

                filled += read;
                _read += read;
                (_range, _read) = _read == length ? (_range + 1, 0) : (_range, _read);
            }

            return filled;
        }
    }
}
