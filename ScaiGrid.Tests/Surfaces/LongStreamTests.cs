using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Streams that a bound of ours ends. The timeout is not a failure of the backend.</summary>
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

    /// <summary>The text is kept until the usage is known, for a stream without usage: its memory is limited as that of a whole answer.</summary>
    [Fact]
    public async Task StreamWithoutEnd_EndsAtTheBoundOfAnAnswer()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        grid.Upstream.Play("m", new UpstreamScript { Chunks = [.. Enumerable.Repeat(new string('x', 1 << 20), 66)] });
        var model = await RoutedModel.CreateAsync(grid.Admin, [new(grid.Upstream.BaseUrl, "m")]);
        await grid.CatchUpAsync();
        using var stream = await grid.Admin.StreamAsync(model.Slug);
        var events = await stream.AllAsync();
        Assert.Equal(("error", "UPSTREAM_SHAPE_MISMATCH"), (events[^2].Name, (string?)events[^2].Json["code"]));
        Assert.Equal(64, events.Count(item => item.Content.Length > 0));
        Assert.True(events[^1].IsDone);
    }

    /// <summary>Three silent upstreams would otherwise take three timeouts, longer than a proxy waits. Their last one has less than its time.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AttemptsOfACall_ShareTheBound(bool stream)
    {
        await using var grid = await SmallGrid.StartAsync(
            replicas: 1, settings: new Dictionary<string, string> { ["DISPATCH_STREAM_TIMEOUT_S"] = "3", ["SCAIGRID_DISPATCH_TIMEOUT_S"] = "2" });
        grid.Upstream.Play("m", new UpstreamScript { Delay = TimeSpan.FromMinutes(1) });
        var model = await RoutedModel.CreateAsync(grid.Admin, [.. Enumerable.Range(0, 3).Select(i => new RoutedBackend(grid.Upstream.BaseUrl, "m", Priority: i))]);
        await grid.CatchUpAsync();
        var answer = await grid.Admin.PostAsync("/v1/inference/chat", new { model = model.Slug, stream, messages = new[] { new { role = "user", content = "hi" } } });
        answer.Error(504, "BACKEND_TIMEOUT");
        Assert.Equal("2", answer.Headers["X-Scaigrid-Attempts"]);
        Assert.Equal((1, 0), (await FailuresAsync(0), await FailuresAsync(1)));

        async Task<int> FailuresAsync(int backend) => (int)(await model.HealthAsync(backend))["recent_calls"]!["failures"]!;
    }
}
