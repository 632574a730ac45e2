using System.Diagnostics;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>An upstream whose engine is stuck: it lists its models at once, and answers no call.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class UpstreamTimeoutTests
{
    private const int FailuresThatOpen = 5;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(4);

    private static readonly Dictionary<string, string> Settings = new()
    {
        ["SCAIGRID_DISPATCH_TIMEOUT_S"] = $"{Timeout.TotalSeconds}",
        ["SCAIGRID_PROBE_INTERVAL_S"] = "1",
    };

    [Fact]
    public async Task StuckUpstream_IsPassedOver_AndCostsOneTrialOnAllReplicas()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 2, Settings, withWorker: true);
        var release = new TaskCompletionSource();
        grid.Upstream.Play("stuck", new UpstreamScript { Hold = release.Task });
        grid.Upstream.Play("well", new UpstreamScript());
        var stuck = new RoutedBackend(grid.Upstream.BaseUrl, "stuck");
        var routed = await RoutedModel.CreateAsync(grid.Admin, [stuck, new(grid.Upstream.BaseUrl, "well", Priority: 1)]);
        var alone = await RoutedModel.CreateAsync(grid.Admin, [stuck]);
        var gone = await BrokenConnectionAsync(grid);
        await grid.CatchUpAsync();

        // Before the first byte, another target may be tried. Without one, the caller is told.
        var whole = grid.Admin.ChatAsync(routed.Slug);
        using var stream = await grid.Admin.StreamAsync(routed.Slug);
        Assert.True((await stream.AllAsync())[^1].IsDone);
        Assert.Equal("2", stream.Response.Headers.GetValues("X-Scaigrid-Attempts").Single());
        var attempt = (await whole).Ok()["routing"]!["failed_attempts"]!.AsArray().Single()!;
        Assert.Equal((routed.Backends[0], "timed_out"), ((string?)attempt["backend_id"], (string?)attempt["outcome"]));
        foreach (var answer in await Task.WhenAll(Enumerable.Range(0, FailuresThatOpen).Select(_ => grid.Admin.ChatAsync(alone.Slug))))
        {
            answer.Error(504, "BACKEND_TIMEOUT");
        }

        // The list of models says nothing about the engine: by the time the worker has closed another circuit, this one is as open as before.
        var opened = Stopwatch.GetTimestamp();
        Assert.Equal("open", await alone.StateAsync(0));
        await using (var returned = await FakeUpstream.StartAsync(gone.Port))
        {
            await Poll.UntilAsync(async () => await gone.Model.StateAsync(0) == "closed", "a probe by the worker");
        }

        Assert.True(Stopwatch.GetElapsedTime(opened) < TimeSpan.FromSeconds(13), "The machine was too slow for this test.");
        Assert.Equal("open", await alone.StateAsync(0));
        Assert.True(grid.Upstream.Listings == 0, "A circuit that opened a moment ago needs no probe.");

        // One call of all replicas is the trial. The others are asked to come back soon, as the trial may end at any time.
        await Poll.UntilAsync(async () => await alone.StateAsync(0) == "half_open", "the half-open circuit");
        var calls = grid.Upstream.CallsOf("stuck").Count;
        var trial = grid.Admin.ChatAsync(alone.Slug);
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf("stuck").Count > calls), "the trial");
        await Poll.UntilAsync(async () => await alone.StateAsync(0, grid.Admins[1]) == "open", "the trial on the other replica");
        foreach (var admin in grid.Admins)
        {
            Assert.InRange((int)(await admin.ChatAsync(alone.Slug)).Error(503, "MODEL_UNAVAILABLE")["retry_after"]!, 1, 2);
            Assert.InRange((int)(await alone.HealthAsync(0, admin))["circuit"]!["retry_after_s"]!, 1, 2);
        }

        Assert.Equal(calls + 1, grid.Upstream.CallsOf("stuck").Count);
        (await trial).Error(504, "BACKEND_TIMEOUT");
        var circuit = (await alone.HealthAsync(0))["circuit"]!;
        Assert.Equal(("open", 2, "timed_out"), ((string?)circuit["state"], (int)circuit["openings"]!, (string?)circuit["reason"]));
        release.SetResult();
    }

    private static async Task<(RoutedModel Model, int Port)> BrokenConnectionAsync(SmallGrid grid)
    {
        var port = FreePort.Next();
        var model = await RoutedModel.CreateAsync(grid.Admin, [new($"http://127.0.0.1:{port}/v1", "m")]);
        await grid.CatchUpAsync();
        for (var i = 0; i < FailuresThatOpen; i++)
        {
            (await grid.Admin.ChatAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");
        }

        Assert.Equal("open", await model.StateAsync(0));
        return (model, port);
    }
}
