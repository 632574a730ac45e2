using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>A stream that our own timeout ends is not a failure of its backend.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class LongStreamTests
{
    private static readonly Dictionary<string, string> Bound = new() { ["DISPATCH_STREAM_TIMEOUT_S"] = "8" };

    /// <summary>Enough consecutive failures to open a circuit.</summary>
    private const int Streams = 6;

    [Theory]
    [InlineData(1, 20, 0)]
    [InlineData(200_000, 0, 9)]
    public async Task StreamsLongerThanTheBound_EndWithAnError_AndTheCircuitStaysClosed(int chunk, int everyMs, int readAfterSeconds)
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: Bound);
        grid.Upstream.Play("m", new UpstreamScript
        {
            Chunks = [.. Enumerable.Repeat(new string('x', chunk), 1000)],
            ChunkDelay = TimeSpan.FromMilliseconds(everyMs),
        });
        var model = await RoutedModel.CreateAsync(grid.Admin, [new(grid.Upstream.BaseUrl, "m")]);
        await grid.CatchUpAsync();

        // All streams start before the first one ends, so that no success comes between the failures.
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => grid.Admin.StreamAsync(model.Slug)));
        await Task.Delay(TimeSpan.FromSeconds(readAfterSeconds));
        foreach (var events in await Task.WhenAll(streams.Select(stream => stream.AllAsync())))
        {
            Assert.Equal(("error", "BACKEND_TIMEOUT"), (events[^2].Name, (string?)events[^2].Json["code"]));
            Assert.True(events[^1].IsDone);
        }

        Array.ForEach(streams, stream => stream.Dispose());
        Assert.Equal("closed", await model.StateAsync(0));
    }
}
