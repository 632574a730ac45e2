using System.Runtime.CompilerServices;
using System.Text;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// Reads server-sent events from a stream (WHATWG HTML, section "Server-sent events"): all three line endings, comments, fields split
/// at any byte, data over several lines. Works in one pooled buffer, so an event costs no allocation.
/// </summary>
internal sealed class SseReader(Stream source) : IDisposable
{
    private readonly PooledBytes _buffer = new(16 * 1024);

    private int _eventStart;
    private int _lineStart;
    private int _scanned;
    private int _dataStart;
    private int _dataLength = -1;
    private bool _skipLineFeed;
    private bool _isPastFirstLine;
    private bool _isDelivered;
    private bool _hasBegun;

    /// <summary>The event's data, its lines joined by a line feed; valid until the next read.</summary>
    public Memory<byte> Data => _buffer.Array.AsMemory(_dataStart, _dataLength);

    /// <summary>Whether the event was named <c>error</c>.</summary>
    public bool IsError { get; private set; }

    /// <summary>Reads to the end of the next event that has data.</summary>
    /// <returns>False at the end of the stream. An unfinished event is dropped, as the standard requires.</returns>
    /// <exception cref="InvalidDataException">An event is larger than <see cref="InferenceOptions.MaxUpstreamBytes"/>.</exception>
    public async ValueTask<bool> ReadAsync(CallDeadline deadline)
    {
        while (!TryRead())
        {
            if (!await FillAsync(deadline))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads the next event that has data, if it is already in the buffer.</summary>
    public bool TryRead()
    {
        // An unfinished event keeps its state; only a delivered one is cleared.
        if (_isDelivered)
        {
            Reset();
        }

        _isDelivered = ScanToEvent();
        _hasBegun |= _isDelivered;
        return _isDelivered;
    }

    /// <summary>Reads more bytes of the stream into the buffer.</summary>
    /// <returns>False at its end.</returns>
    /// <exception cref="InvalidDataException">An event is larger than <see cref="InferenceOptions.MaxUpstreamBytes"/>.</exception>
    // Pooled: called once for each piece of a stream, and each call that waits would allocate its state machine.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(CallDeadline deadline)
    {
        Compact();
        if (_buffer.Length > InferenceOptions.MaxUpstreamBytes)
        {
            throw new InvalidDataException("An event of the stream is too large.");
        }

        if (_hasBegun)
        {
            // Before the first event, comments show only that the connection is open: the wait for the answer goes on, and then another backend is tried.
            deadline.Progress();
        }

        var read = await source.ReadAsync(_buffer.GetMemory(4096), deadline.Token);
        _buffer.Advance(read);
        return read > 0;
    }

    public void Dispose() => _buffer.Dispose();

    private void Reset()
    {
        (_dataStart, _dataLength, IsError) = (0, -1, false);
        _eventStart = _lineStart;
    }

    // Moves the unconsumed bytes to the front, so that a stream of any length needs a buffer of one event only.
    private void Compact()
    {
        if (_eventStart == 0)
        {
            return;
        }

        var rest = _buffer.Length - _eventStart;
        _buffer.Array.AsSpan(_eventStart, rest).CopyTo(_buffer.Array);
        _buffer.Advance(-_eventStart);
        _lineStart -= _eventStart;
        _scanned -= _eventStart;
        _dataStart -= _eventStart;
        _eventStart = 0;
    }

    private bool ScanToEvent()
    {
        var bytes = _buffer.Span;
        while (_scanned < bytes.Length)
        {
            if (_skipLineFeed)
            {
                _skipLineFeed = false;
                if (bytes[_scanned] == (byte)'\n')
                {
                    _lineStart = ++_scanned;
                    continue;
                }
            }

            var offset = bytes[_scanned..].IndexOfAny((byte)'\n', (byte)'\r');
            if (offset < 0)
            {
                _scanned = bytes.Length;
                return false;
            }

            var end = _scanned + offset;
            _skipLineFeed = bytes[end] == (byte)'\r';
            var line = bytes[_lineStart..end];
            var lineStart = _lineStart;
            _lineStart = _scanned = end + 1;
            if (!_isPastFirstLine)
            {
                _isPastFirstLine = true;
                if (line.StartsWith(Encoding.UTF8.Preamble))
                {
                    // The byte order mark is not part of the event.
                    line = line[Encoding.UTF8.Preamble.Length..];
                    lineStart += Encoding.UTF8.Preamble.Length;
                }
            }

            if (line.IsEmpty)
            {
                if (_dataLength >= 0)
                {
                    return true;
                }

                Reset();
                continue;
            }

            ReadLine(line, lineStart);
        }

        return false;
    }

    private void ReadLine(ReadOnlySpan<byte> line, int start)
    {
        if (line.StartsWith("data"u8) && (line.Length == 4 || line[4] == (byte)':'))
        {
            var value = line.Length == 4 ? 4 : line.Length > 5 && line[5] == (byte)' ' ? 6 : 5;
            AddData(start + value, line.Length - value);
        }
        else if (line.StartsWith("event:"u8))
        {
            IsError = line[6..].TrimStart((byte)' ').SequenceEqual("error"u8);
        }
    }

    private void AddData(int start, int length)
    {
        if (_dataLength < 0)
        {
            (_dataStart, _dataLength) = (start, length);
            return;
        }

        // A further line of data is moved to directly after the first. There is room, because its "data" prefix stood between them.
        var end = _dataStart + _dataLength;
        _buffer.Array[end] = (byte)'\n';
        _buffer.Array.AsSpan(start, length).CopyTo(_buffer.Array.AsSpan(end + 1));
        _dataLength += length + 1;
    }
}
