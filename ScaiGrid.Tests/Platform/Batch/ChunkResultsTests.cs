using ScaiGrid.Platform.Batch;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>A hundred long responses exceed the maximum length of an array.</summary>
[Trait("lane", "long")]
public sealed class ChunkResultsTests
{
    [Fact]
    public async Task MoreThanTwoGigabytes_AreNotedTakenInAndReadWhole()
    {
        const int Count = 35;
        var answer = new byte[64 * 1024 * 1024];
        answer.AsSpan().Fill((byte)'x');
        using var folder = new TemporaryFolder();
        using var first = new ChunkResults(folder.File("first"));
        foreach (var index in Enumerable.Range(0, Count))
        {
            await first.AddAsync(new LineResult(index, Succeeded: index % 10 > 0, answer));
        }

        using var second = new ChunkResults(folder.File("second"));
        await first.NoteAsync(note => second.TakeInAsync(note, TestContext.Current.CancellationToken));
        await first.NoteAsync(_ => throw new InvalidOperationException("There is nothing new to save."));
        Assert.Equal((31L, 4L), (await LinesAsync(second, succeeded: true), await LinesAsync(second, succeeded: false)));
    }

    private static async Task<long> LinesAsync(ChunkResults results, bool succeeded)
    {
        await using var lines = results.Lines(succeeded);
        var (ends, buffer) = (0L, new byte[1024 * 1024]);
        for (int read; (read = await lines.ReadAsync(buffer, TestContext.Current.CancellationToken)) > 0;)
        {
            ends += buffer.AsSpan(0, read).Count((byte)'\n');
        }

        return ends;
    }
}
