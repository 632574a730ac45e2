using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference;

public sealed class SseReaderTests
{
    [Theory]
    [InlineData("data: a\n\ndata: b\n\n", "a|b")]
    [InlineData("data: a\r\n\r\ndata: b\r\n\r\n", "a|b")]
    [InlineData("data: a\r\rdata: b\r\r", "a|b")]
    [InlineData("data:a\n\ndata:  b\n\n", "a| b")]
    [InlineData(": comment\n\n\n\ndata: a\n: comment\n\n", "a")]
    [InlineData("data: a\ndata: bb\ndata: ccc\n\n", "a\nbb\nccc")]
    [InlineData("data: a\r\ndata\r\ndata: c\r\n\r\n", "a\n\nc")]
    [InlineData("id: 1\nretry: 5\nunknown: x\ndata: a\n\n", "a")]
    [InlineData("event: error\ndata: a\n\ndata: b\n\n", "!a|b")]
    [InlineData("data: a\n\ndata: never finished\n", "a")]
    [InlineData("event: ping\n\ndata: a\n\n", "a")]
    [InlineData("\uFEFFdata: a\n\ndata: b\n\n", "a|b")]
    [InlineData("\uFEFF\n\ndata: a\n\n", "a")]
    [InlineData("data: {\"x\":\"é😀\"}\n\n", "{\"x\":\"é😀\"}")]
    public async Task Stream_SplitAtEveryByte_GivesTheSameEvents(string stream, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(stream);
        for (var split = 0; split <= bytes.Length; split++)
        {
            Assert.Equal(expected, await ReadAsync([bytes[..split], bytes[split..]]));
        }

        Assert.Equal(expected, await ReadAsync([.. bytes.Select(single => new[] { single })]));
    }

    [Fact]
    public async Task LineOfOneMebibyte_IsOneEvent()
    {
        var text = new string('x', 1024 * 1024);
        Assert.Equal($"{text}|end", await ReadAsync([Encoding.UTF8.GetBytes($"data: {text}\n\ndata: end\n\n")]));
    }

    [Fact]
    public async Task EndlessLine_IsRefused()
    {
        var chunk = new byte[1024 * 1024];
        Array.Fill(chunk, (byte)'x');
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(Enumerable.Repeat(chunk, 80)));
    }

    private static async Task<string> ReadAsync(IEnumerable<byte[]> chunks)
    {
        using var reader = new SseReader(new ChunkedStream(chunks));
        using var deadline = new CallDeadline(TimeProvider.System, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        var events = new List<string>();
        while (await reader.ReadAsync(deadline))
        {
            events.Add((reader.IsError ? "!" : "") + Encoding.UTF8.GetString(reader.Data.Span));
        }

        return string.Join('|', events);
    }

    // Returns one chunk per read, whatever the size of the buffer.
    private sealed class ChunkedStream(IEnumerable<byte[]> chunks) : Stream
    {
        private readonly Queue<byte[]> _chunks = new(chunks.Where(chunk => chunk.Length > 0));
        private int _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (!_chunks.TryPeek(out var chunk))
            {
                return 0;
            }

            var length = Math.Min(count, chunk.Length - _position);
            chunk.AsSpan(_position, length).CopyTo(buffer.AsSpan(offset));
            _position += length;
            if (_position == chunk.Length)
            {
                _chunks.Dequeue();
                _position = 0;
            }

            return length;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
