using System.Runtime.CompilerServices;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A connection to an upstream, as the HTTP/1.1 client reads and writes it.
/// <para>
/// It is read 16 KiB at a time: the client asks for 4 KiB, and each time that is a call to the system. It keeps those 16 KiB as long as it is open,
/// as each call keeps as many for reading its answer.
/// </para>
/// <para>
/// No request begins on a connection that has ended, or on which more has come than the last answer. The client looks at connections that lay idle,
/// but not at one that goes from a call straight to another that waits, and would take those bytes for the other's answer.
/// </para>
/// </summary>
/// <param name="connection">The connection; closed with this one. One reader and one writer at a time, as the client does it.</param>
/// <param name="time">The clock.</param>
internal sealed class UpstreamConnection(Stream connection, TimeProvider time) : Stream
{
    /// <summary>How long an end may be on its way that the upstream sent before it had the request: a round trip, on the slowest of lines.</summary>
    public static readonly TimeSpan Crossing = TimeSpan.FromSeconds(1);

    private readonly byte[] _ahead = GC.AllocateUninitializedArray<byte>(16 * 1024);
    private int _start;
    private int _end;

    // A read into _ahead that a request began with, and that its answer's first read takes over.
    private Task<int>? _begun;

    private volatile bool _reading;
    private bool _hasAnswered;

    // When the request began that has no byte of an answer yet; only of those on a connection that was used before.
    private long? _unanswered;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    // Nothing to read into is how the client waits for data without a buffer.
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _start < _end ? new(Take(buffer.Span)) : FillAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // Blocking would tie up a thread for each call.
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <exception cref="StaleConnectionException">What is written begins a request, or is more of it, and there is nobody to read it.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_hasAnswered && BeginsRequest(buffer.Span))
        {
            // Where a read waits already, the client has looked.
            if (!_reading && !BeginReading())
            {
                return ValueTask.FromException(new StaleConnectionException());
            }

            _unanswered = time.GetTimestamp();
        }

        var writing = connection.WriteAsync(buffer, cancellationToken);
        return writing.IsCompletedSuccessfully ? writing : WritingAsync(writing);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => connection.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => connection.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            connection.Dispose();
        }

        base.Dispose(disposing);
    }

    // The client writes a request from its first line on, the head and the body in as many pieces as they need. A piece in the middle of a body
    // may look like this as well: only where the upstream has answered before it had the whole, and then the request goes elsewhere.
    private static bool BeginsRequest(ReadOnlySpan<byte> bytes) => bytes.StartsWith("POST /"u8) || bytes.StartsWith("GET /"u8);

    // Reading before writing tells whether there is anything, and costs no call more: the answer is read with it.
    private bool BeginReading()
    {
        if (_start < _end)
        {
            return false;
        }

        _reading = true;
        _begun = connection.ReadAsync(_ahead, CancellationToken.None).AsTask();
        return !_begun.IsCompleted;
    }

    private async ValueTask WritingAsync(ValueTask writing)
    {
        try
        {
            await writing;
        }
        catch (IOException exception) when (HasCrossed())
        {
            throw new StaleConnectionException(exception);
        }
    }

    // Pooled: it waits once for each piece of an answer.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        _reading = true;
        try
        {
            if (_begun is null && buffer.Length >= _ahead.Length)
            {
                return Answered(await connection.ReadAsync(buffer, cancellationToken));
            }

            var begun = _begun;
            _begun = null;
            (_start, _end) = (0, Answered(begun is null ? await connection.ReadAsync(_ahead, cancellationToken) : await begun));
            return Take(buffer.Span);
        }
        catch (IOException exception) when (HasCrossed())
        {
            throw new StaleConnectionException(exception);
        }
        finally
        {
            _reading = false;
        }
    }

    private int Answered(int read)
    {
        if (read > 0)
        {
            _hasAnswered = true;
            _unanswered = null;
        }
        else if (HasCrossed())
        {
            throw new StaleConnectionException();
        }

        return read;
    }

    private bool HasCrossed() => _unanswered is { } began && time.GetElapsedTime(began) < Crossing;

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
internal sealed class StaleConnectionException(Exception? innerException = null) : IOException("The upstream's connection was closed before the request.", innerException);
