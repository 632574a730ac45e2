using ScaiGrid.Platform.Batch;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>The lines of a batch's input.</summary>
public sealed class LineReaderTests
{
    [Theory]
    [InlineData("a\n\nbc\r\n d \n", "a|bc|d")]
    [InlineData("\uFEFFa\nb", "a|b")]
    [InlineData("\n\n", "")]
    [InlineData("", "")]
    public async Task Lines_AreReadHoweverTheyArrive(string text, string lines)
    {
        foreach (var atOnce in new[] { 1, 2, 1000 })
        {
            await using var stream = new SlowStream(System.Text.Encoding.UTF8.GetBytes(text), atOnce);
            Assert.Equal(lines, string.Join('|', (await ReadAsync(stream, maxLine: 10)).Select(System.Text.Encoding.UTF8.GetString)));
        }
    }

    [Fact]
    public async Task LineThatIsTooLong_IsRefused()
    {
        await using var stream = new SlowStream(new byte[12], atOnce: 5);
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(stream, maxLine: 10));
    }

    [Fact]
    public async Task LongLine_IsReadInLargePieces()
    {
        var bytes = new byte[4 * 1024 * 1024];
        bytes.AsSpan().Fill((byte)'a');
        await using var stream = new SlowStream(bytes, bytes.Length);
        Assert.Equal(bytes.Length, Assert.Single(await ReadAsync(stream, bytes.Length)).Length);
        Assert.InRange(stream.Reads, 1, 100);
    }

    private static async Task<List<byte[]>> ReadAsync(Stream stream, int maxLine)
    {
        var lines = new List<byte[]>();
        await foreach (var line in LineReader.ReadAsync(stream, maxLine, TestContext.Current.CancellationToken))
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Returns at most a number of bytes at once, and counts the reads.</summary>
    private sealed class SlowStream(byte[] bytes, int atOnce) : MemoryStream(bytes)
    {
        public int Reads { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            return base.ReadAsync(buffer[..Math.Min(atOnce, buffer.Length)], cancellationToken);
        }
    }
}
