using System.Diagnostics;
using ScaiGrid.Tests.Platform.Snapshot;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>How soon the upstream notices that the caller has disconnected.</summary>
[Collection(TimedTests.Name)]
public sealed class CallerLeavesTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task CallerLeaves_UpstreamSeesItWithinASecond_AndUsageIsSettled()
    {
        var slug = await ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 1000)], ChunkDelay = TimeSpan.FromMilliseconds(50) }, out var upstreamModel);
        long leftAt;
        using (var stream = await Admin.StreamAsync(slug))
        {
            for (var i = 0; i < 5; i++)
            {
                await stream.NextAsync();
            }

            leftAt = Stopwatch.GetTimestamp();
        }

        var call = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        await Poll.UntilAsync(() => Task.FromResult(call.AbortedAt != 0), "the upstream's call to be cut");
        Assert.InRange(Stopwatch.GetElapsedTime(leftAt, call.AbortedAt), TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal("cancelled", (string?)row["status"]);
        Assert.InRange((int)row["tokens_out"]!, 3, 30);
    }
}
