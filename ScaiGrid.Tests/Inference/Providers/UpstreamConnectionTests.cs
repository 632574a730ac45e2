using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The connection to an upstream, as the HTTP client reads it.</summary>
public sealed class UpstreamConnectionTests : IDisposable
{
    private static readonly byte[] Request = "POST /v1/chat/completions HTTP/1.1\r\n\r\n{}"u8.ToArray();

    private readonly FakeTimeProvider _time = new();
    private readonly CountingStream _connection = new();
    private readonly UpstreamConnection _stream;

    public UpstreamConnectionTests() => _stream = Over(_connection);

    public void Dispose()
    {
        _stream.Dispose();
        _connection.Dispose();
    }

    [Fact]
    public async Task WhatHasCome_IsReadAtOnce_AndHandedOnInPieces()
    {
        var sent = Bytes(12_000);
        await _connection.SendAsync(sent);
        var read = new List<byte>();
        var piece = new byte[4096];
        while (read.Count < sent.Length)
        {
            read.AddRange(piece.AsSpan(0, await _stream.ReadAsync(piece)));
        }

        Assert.Equal(sent, read);
        Assert.Equal(1, _connection.Reads);
    }

    [Fact]
    public async Task ReadingNothing_WaitsForData_AndConsumesNone()
    {
        var waiting = _stream.ReadAsync(Memory<byte>.Empty).AsTask();
        Assert.False(waiting.IsCompleted);
        await _connection.SendAsync(Bytes(10));
        Assert.Equal(0, await waiting);
        var piece = new byte[4];
        Assert.Equal(4, await _stream.ReadAsync(piece));
        Assert.Equal(0, await _stream.ReadAsync(Memory<byte>.Empty));
        Assert.Equal(4, await _stream.ReadAsync(piece));
        Assert.Equal(2, await _stream.ReadAsync(piece));
        Assert.Equal([8, 9], piece[..2]);
    }

    [Fact]
    public async Task LargeRead_GetsWhatIsAheadFirst_AndThenTheConnectionItself()
    {
        await _connection.SendAsync(Bytes(100));
        var large = new byte[64 * 1024];
        Assert.Equal(1, await _stream.ReadAsync(large.AsMemory(0, 1)));
        Assert.Equal(99, await _stream.ReadAsync(large));
        await _connection.SendAsync(Bytes(40_000));
        Assert.Equal(40_000, await _stream.ReadAsync(large));
        Assert.Equal(Bytes(40_000), large[..40_000]);
    }

    [Fact]
    public async Task End_StaysTheEnd_AndAFailureLeavesNothingAhead()
    {
        await _connection.SendAsync(Bytes(3));
        _connection.End();
        var piece = new byte[16];
        Assert.Equal(3, await _stream.ReadAsync(piece));
        Assert.Equal(0, await _stream.ReadAsync(piece));
        Assert.Equal(0, await _stream.ReadAsync(piece));

        using var broken = new CountingStream();
        await using var stream = Over(broken);
        broken.End(new IOException("reset"));
        await Assert.ThrowsAsync<IOException>(() => stream.ReadAsync(piece).AsTask());
        await Assert.ThrowsAsync<IOException>(() => stream.ReadAsync(piece).AsTask());
    }

    [Fact]
    public async Task CancelledRead_LosesNothing()
    {
        using var cancelled = new CancellationTokenSource();
        var piece = new byte[16];
        var reading = _stream.ReadAsync(piece, cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await _connection.SendAsync(Bytes(5));
        Assert.Equal(5, await _stream.ReadAsync(piece));
    }

    [Fact]
    public async Task RequestOnAConnectionThatHasEnded_IsNotBegun()
    {
        await ExchangeAsync();
        _connection.End();
        await Assert.ThrowsAsync<StaleConnectionException>(() => _stream.WriteAsync(Request).AsTask());
        Assert.Equal(Request, _connection.Written);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RequestOnAConnectionThatHoldsMoreThanTheAnswer_IsNotBegun(bool readAlready)
    {
        await ExchangeAsync(readAlready ? Bytes(100) : null);
        if (!readAlready)
        {
            await _connection.SendAsync(Bytes(100));
        }

        await Assert.ThrowsAsync<StaleConnectionException>(() => _stream.WriteAsync(Request).AsTask());
        Assert.Equal(Request, _connection.Written);
    }

    [Fact]
    public async Task RequestBegins_AndItsAnswerIsReadWithNoMoreReads()
    {
        await ExchangeAsync();
        var before = _connection.Reads;
        await ExchangeAsync();
        Assert.Equal(before + 1, _connection.Reads);
        Assert.Equal([.. Request, .. Request], _connection.Written);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public async Task RequestWhileTheClientsReadWaits_BeginsNoOther(int buffer)
    {
        await ExchangeAsync();
        var piece = new byte[buffer];
        var waiting = _stream.ReadAsync(piece).AsTask();
        var before = _connection.Reads;
        await _stream.WriteAsync(Request);
        await _connection.SendAsync(Bytes(4));
        Assert.Equal(Math.Min(buffer, 4), await waiting);
        Assert.Equal(before, _connection.Reads);
        if (buffer == 0)
        {
            Assert.Equal(4, await _stream.ReadAsync(new byte[16]));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task EndWhileTheClientsReadWaits_IsSeenByOneOfTheTwo(bool beforeTheRequest)
    {
        await ExchangeAsync();
        var waiting = _stream.ReadAsync(new byte[16]).AsTask();
        if (beforeTheRequest)
        {
            _connection.End();
            Assert.Equal(0, await waiting);
            await Assert.ThrowsAsync<StaleConnectionException>(() => _stream.WriteAsync(Request).AsTask());
        }
        else
        {
            await _stream.WriteAsync(Request);
            _connection.End();
            await Assert.ThrowsAsync<StaleConnectionException>(() => waiting);
        }
    }

    [Fact]
    public async Task AnswerThatNobodyTook_BecauseSomebodyTookOtherBytesForHis_IsNotTheNextCalls()
    {
        await ExchangeAsync();
        var waiting = _stream.ReadAsync(new byte[16]).AsTask();
        await _connection.SendAsync(Bytes(10));
        Assert.Equal(10, await waiting);
        await _stream.WriteAsync(Request);
        await _connection.SendAsync(Bytes(8));
        await Assert.ThrowsAsync<StaleConnectionException>(() => _stream.WriteAsync(Request).AsTask());
    }

    [Fact]
    public async Task PiecesOfABody_AreWritten_WhateverHasCome()
    {
        await ExchangeAsync();
        await _stream.WriteAsync(Request);
        await _connection.SendAsync(Bytes(4));
        _connection.End();
        foreach (var piece in (string[])["GET /what HTTP/1.0\r\n", "POST / \r\n HTTP/1.1", "the rest"])
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(piece));
            Assert.EndsWith(piece, Encoding.ASCII.GetString([.. _connection.Written]), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task WriteThatBreaks_IsStaleOnlyWithoutAnAnswer(bool answered, bool stale)
    {
        await ExchangeAsync();
        await _stream.WriteAsync(Request);
        if (answered)
        {
            await _connection.SendAsync("HTTP/1.1 413 "u8.ToArray());
        }

        _connection.WriteFailure = Reset();
        var writing = () => _stream.WriteAsync("more of the body"u8.ToArray()).AsTask();
        Assert.Equal(stale, await Assert.ThrowsAnyAsync<IOException>(writing) is StaleConnectionException);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EndThatCrossedTheRequest_IsToldFromOneThatCameLater(bool reset)
    {
        foreach (var crossed in (bool[])[true, false])
        {
            using var connection = new CountingStream();
            await using var stream = Over(connection);
            await ExchangeAsync(connection, stream);
            await stream.WriteAsync(Request);
            _time.Advance(crossed ? UpstreamConnection.Crossing / 2 : UpstreamConnection.Crossing * 2);
            connection.End(reset ? Reset() : null);

            // The time at which the end arrived counts, not the time of the read.
            _time.Advance(UpstreamConnection.Crossing);
            var reading = () => stream.ReadAsync(new byte[16]).AsTask();
            if (crossed)
            {
                await Assert.ThrowsAsync<StaleConnectionException>(reading);
            }
            else if (reset)
            {
                await Assert.ThrowsAsync<IOException>(reading);
            }
            else
            {
                Assert.Equal(0, await reading());
            }
        }
    }

    [Fact]
    public async Task FailureThatIsNoEnd_StaysWhatItIs()
    {
        await ExchangeAsync();
        await _stream.WriteAsync(Request);
        _connection.End(new IOException("The record cannot be decrypted."));
        await Assert.ThrowsAsync<IOException>(() => _stream.ReadAsync(new byte[16]).AsTask());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task EndOfTheFirstRequest_IsTheUpstreamsDoing_UnlessTheConnectionLayIdle(bool layIdle)
    {
        if (layIdle)
        {
            _time.Advance(UpstreamConnection.Crossing * 2);
        }

        await _stream.WriteAsync(Request);
        _connection.End();
        var reading = () => _stream.ReadAsync(new byte[16]).AsTask();
        if (layIdle)
        {
            await Assert.ThrowsAsync<StaleConnectionException>(reading);
        }
        else
        {
            Assert.Equal(0, await reading());
        }
    }

    [Fact]
    public async Task EndBehindTheAnswersFirstByte_IsTheUpstreamsDoing()
    {
        await ExchangeAsync();
        await _stream.WriteAsync(Request);
        await _connection.SendAsync(Bytes(1));
        Assert.Equal(1, await _stream.ReadAsync(new byte[16]));
        _connection.End();
        Assert.Equal(0, await _stream.ReadAsync(new byte[16]));
    }

    private UpstreamConnection Over(Stream connection) => new(connection, 16 * 1024, _time);

    private static IOException Reset() => new("reset", new SocketException((int)SocketError.ConnectionReset));

    private Task ExchangeAsync(byte[]? more = null) => ExchangeAsync(_connection, _stream, more);

    private static async Task ExchangeAsync(CountingStream connection, UpstreamConnection stream, byte[]? more = null)
    {
        await stream.WriteAsync(Request);
        await connection.SendAsync([.. Bytes(8), .. more ?? []]);
        Assert.Equal(8, await stream.ReadAsync(new byte[8]));
    }

    private static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)i)];

    /// <summary>A connection on which the test writes what the upstream sends. It counts the reads and keeps what is written to it.</summary>
    private sealed class CountingStream : ReadOnlyStream
    {
        // Inline, so that a waiting reader continues before the test does.
        private readonly Pipe _pipe = new(new PipeOptions(readerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false));
        private readonly Stream _reader;

        public CountingStream() => _reader = _pipe.Reader.AsStream();

        public int Reads { get; private set; }

        public List<byte> Written { get; } = [];

        public Exception? WriteFailure { get; set; }

        public override bool CanWrite => true;

        public async Task SendAsync(byte[] bytes) => await _pipe.Writer.WriteAsync(bytes);

        public void End(Exception? exception = null) => _pipe.Writer.Complete(exception);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (WriteFailure is not null)
            {
                return ValueTask.FromException(WriteFailure);
            }

            Written.AddRange(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            return _reader.ReadAsync(buffer, cancellationToken);
        }
    }
}
