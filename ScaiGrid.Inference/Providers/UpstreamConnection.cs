using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A connection to an upstream, as the HTTP/1.1 client reads and writes it.
/// <para>
/// No request is started on a kept connection that has been closed, or on which more bytes than the last answer have arrived. The client checks
/// connections that were idle, but not one that goes from one call directly to another that waits, and would take those bytes for the other's
/// answer. Bytes that arrive between the check and the request cannot be distinguished from its answer.
/// </para>
/// <para>
/// Reads are buffered: the client asks for 4 KiB, and each of its reads would be a system call. The connection keeps the buffer as long as it is
/// open.
/// </para>
/// </summary>
internal sealed class UpstreamConnection : Stream
{
    /// <summary>
    /// The longest time that a close, sent by the upstream before it had the request, may take to arrive: a round trip on a very slow line.
    /// </summary>
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

    // When the current request began, if it has no byte of an answer yet; 0 if there is none, or the connection was new.
    private long _requestedAt;

    // The read that was started before a request. The first read of its answer takes it over.
    private Task<int>? _look;

    /// <param name="connection">The underlying connection, closed with this one. One reader and one writer at a time, like the client.</param>
    /// <param name="buffer">The buffer's size in bytes. The size of the client's reads, if reading the connection is cheap.</param>
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

    /// <exception cref="StaleConnectionException">The connection was closed without an answer, possibly before the upstream read the request.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _look is { } look ? TakeOverAsync(look, buffer)
        : _start < _end ? new(Take(buffer.Span))
        : FillAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // A blocking read would hold a thread for each call.
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <exception cref="StaleConnectionException">A request, or more of it, cannot be written, because the upstream has closed the connection.</exception>
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

    // The client writes a request starting with its first line; pieces of a body follow.
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

            // If a read of the client is waiting, it has checked already. If an earlier check was not taken over, another call took wrong bytes for its
            // answer.
            if (_look is not null || (!_isReading && !Look()))
            {
                return false;
            }

            _requestedAt = now;
            return true;
        }
    }

    // Reading before writing shows whether there is anything to read, at no additional system call: the same read then reads the answer.
    private bool Look()
    {
        if (_start < _end)
        {
            return false;
        }

        _look = FillAsync(Memory<byte>.Empty, CancellationToken.None).AsTask();

        // If the request could not be written, nobody awaits the read.
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

    // Pooled: called once for each piece of an answer. The client uses an empty buffer to wait for data without holding a buffer.
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

    // Called at the end of a read.
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

    // Whether a close that is seen now may have been sent before the request was read.
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
/// A kept connection was closed by the upstream, or had bytes after its last answer, before the upstream can have read the request: nothing of it
/// was sent, or the close came without a byte of an answer within <see cref="UpstreamConnection.Crossing"/>.
/// </summary>
internal sealed class StaleConnectionException(Exception? innerException = null)
    : IOException("The upstream's connection was closed before the request.", innerException);
