using System.IO.Pipelines;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>An upstream's connection, as the HTTP client reads it.</summary>
public sealed class ReadAheadStreamTests : IDisposable
{
    private readonly CountingStream _connection = new();
    private readonly ReadAheadStream _stream;

    public ReadAheadStreamTests() => _stream = new ReadAheadStream(_connection);

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
        await using var stream = new ReadAheadStream(broken);
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

    private static byte[] Bytes(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)i)];

    /// <summary>A connection into which the test writes what the upstream sends; tells how often it was read.</summary>
    private sealed class CountingStream : ReadOnlyStream
    {
        private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
        private readonly Stream _reader;

        public CountingStream() => _reader = _pipe.Reader.AsStream();

        public int Reads { get; private set; }

        public async Task SendAsync(byte[] bytes) => await _pipe.Writer.WriteAsync(bytes);

        public void End(Exception? exception = null) => _pipe.Writer.Complete(exception);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            return _reader.ReadAsync(buffer, cancellationToken);
        }
    }
}
