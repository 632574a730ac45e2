using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A connection to an upstream, as the HTTP/1.1 client reads and writes it.
/// <para>
/// No request begins on a kept connection that has ended, or on which more has come than the last answer. The client looks at connections that lay
/// idle, but not at one that goes from a call straight to another that waits, and would take those bytes for the other's answer. What comes
/// between the look and the request nobody can tell from its answer.
/// </para>
/// <para>
/// It is read a buffer at a time: the client asks for 4 KiB, and each time that is a call to the system. The connection keeps the buffer for as long as it
/// is open.
/// </para>
/// </summary>
internal sealed class UpstreamConnection : Stream
{
    /// <summary>How long an end may be on its way that the upstream sent before it had the request: a round trip, on the slowest of lines.</summary>
    public static readonly TimeSpan Crossing = TimeSpan.FromSeconds(1);

    private readonly Stream _connection;
    private readonly TimeProvider _time;
    private readonly long _openedAt;
    private readonly byte[] _ahead;
    private int _start;
    private int _end;

    // A request may begin while a read ends: each must see what the other did.
    private readonly Lock _gate = new();
    private bool _isReading;
    private bool _hasAnswered;

    // When the request began that has no byte of an answer yet; 0: there is none, or the connection was new.
    private long _requestedAt;

    // The read that a request began with. Its answer's first read takes it over.
    private Task<int>? _look;

    /// <param name="connection">The connection; closed with this one. One reader and one writer at a time, as the client does it.</param>
    /// <param name="buffer">In bytes. What the client asks for, where reading the connection is cheap.</param>
    /// <param name="time">The clock.</param>
    public UpstreamConnection(Stream connection, int buffer, TimeProvider time)
    {
        (_connection, _time, _openedAt) = (connection, time, time.GetTimestamp());
        _ahead = GC.AllocateUninitializedArray<byte>(buffer);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="StaleConnectionException">The end came without an answer, and may have crossed the request.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _look is { } look ? TakeOverAsync(look, buffer)
        : _start < _end ? new(Take(buffer.Span))
        : FillAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // Blocking would tie up a thread for each call.
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <exception cref="StaleConnectionException">What is written begins a request, or is more of it, and nobody is there to read it.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (BeginsRequest(buffer.Span) && !TryBegin())
        {
            return ValueTask.FromException(new StaleConnectionException());
        }

        var writing = _connection.WriteAsync(buffer, cancellationToken);
        return writing.IsCompletedSuccessfully ? writing : WrittenAsync(writing);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => _connection.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => _connection.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    // The client writes a request from its first line on; pieces of a body follow.
    private static bool BeginsRequest(ReadOnlySpan<byte> bytes) =>
        bytes.IndexOf("\r\n"u8) is > 0 and var line && bytes[..line].EndsWith(" HTTP/1.1"u8);

    private static bool IsEnd(Exception exception) =>
        exception is IOException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown } };

    private bool TryBegin()
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            if (!_hasAnswered && _time.GetElapsedTime(_openedAt, now) < Crossing)
            {
                return true;
            }

            // Where a read of the client's waits, it has looked. A look that nobody took over: somebody took other bytes for his answer.
            if (_look is not null || (!_isReading && !Look()))
            {
                return false;
            }

            _requestedAt = now;
            return true;
        }
    }

    // Reading before writing tells whether there is anything, and costs no call more: the answer is read with it.
    private bool Look()
    {
        if (_start < _end)
        {
            return false;
        }

        _look = FillAsync(Memory<byte>.Empty, CancellationToken.None).AsTask();

        // Nobody takes it over where the request could not be written.
        _ = _look.ContinueWith(static look => look.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return !_look.IsCompleted;
    }

    private async ValueTask WrittenAsync(ValueTask writing)
    {
        try
        {
            await writing;
        }
        catch (IOException exception) when (IsEnd(exception) && HasCrossed())
        {
            throw new StaleConnectionException(exception);
        }
    }

    private async ValueTask<int> TakeOverAsync(Task<int> look, Memory<byte> buffer)
    {
        await look;
        _look = null;
        return Take(buffer.Span);
    }

    // Pooled: it waits once for each piece of an answer. Nothing to read into is how the client waits for data without a buffer.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _isReading = true;
        var isDirect = buffer.Length >= _ahead.Length;
        int read;
        try
        {
            read = await _connection.ReadAsync(isDirect ? buffer : _ahead, cancellationToken);
        }
        catch (Exception exception)
        {
            if (EndsCrossed(read: 0, isDirect) && IsEnd(exception))
            {
                throw new StaleConnectionException(exception);
            }

            throw;
        }

        if (EndsCrossed(read, isDirect))
        {
            throw new StaleConnectionException();
        }

        return isDirect ? read : Take(buffer.Span);
    }

    // A read is over.
    private bool EndsCrossed(int read, bool isDirect)
    {
        lock (_gate)
        {
            _isReading = false;
            if (!isDirect)
            {
                (_start, _end) = (0, read);
            }

            if (read == 0)
            {
                return HasCrossed();
            }

            _hasAnswered = true;
            _requestedAt = 0;
            return false;
        }
    }

    // Whether an end that is seen now may have come before the request was read.
    private bool HasCrossed()
    {
        lock (_gate)
        {
            return _requestedAt != 0 && _time.GetElapsedTime(_requestedAt) < Crossing;
        }
    }

    private int Take(Span<byte> buffer)
    {
        var taken = Math.Min(buffer.Length, _end - _start);
        _ahead.AsSpan(_start, taken).CopyTo(buffer);
        _start += taken;
        return taken;
    }
}

/// <summary>
/// A kept connection that the upstream had closed, or on which it had said more than its answer, before it can have read the request: none of it
/// was sent, or the end came without a byte of an answer within <see cref="UpstreamConnection.Crossing"/>.
/// </summary>
internal sealed class StaleConnectionException(Exception? innerException = null)
    : IOException("The upstream's connection was closed before the request.", innerException);
