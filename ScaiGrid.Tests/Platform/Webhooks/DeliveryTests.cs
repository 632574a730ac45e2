using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>Receivers that are fast, fail or hang at the same time, and workers that are killed.</summary>
[Trait("needs", "services")]
public sealed class DeliveryTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task FastReceiver_GetsAllItsEvents_WhileOthersHangAndFail_AndWorkersDie(DatabaseKind kind)
    {
        const int Count = 1000;
        await using var receivers = await Receivers.CreateAsync(await server.CreateAsync(kind));
        await using (var doomed = await receivers.StartWorkerAsync())
        {
            await receivers.EmitAsync(Count / 2, perSecond: 500);
            await Poll.UntilAsync(() => Task.FromResult(receivers.Ticks().Count > 0), "the first event");
            await doomed.KillAsync();
        }

        await receivers.EmitAsync(Count / 2, perSecond: 500);
        await using var worker = await receivers.StartWorkerAsync();
        await Poll.UntilAsync(() => Task.FromResult(receivers.Ticks().Count == Count), "all events", TimeSpan.FromMinutes(3));
        Assert.Equal(Enumerable.Range(0, Count / 2), receivers.Ticks().Select(happened => (int)happened.Json["payload"]!["number"]!).Distinct().Order());

        // 50 consecutive failures, and the deliveries that were in flight, but not the rest.
        await Poll.UntilAsync(async () => await receivers.StatusOfAsync("failing") == "disabled", "the failing webhook to be disabled");
        Assert.InRange(receivers.Receiver.CountOf("failing"), 50, 150);
        await Poll.UntilAsync(
            () => Task.FromResult(receivers.Receiver.Of("fast").Any(happened => happened.Type == "webhook.auto_disabled")), "the event about it");
        Assert.Equal("active", await receivers.StatusOfAsync("hanging"));

        // Its pending deliveries are dropped. Failed ones are dropped when their retry is due.
        await Poll.UntilAsync(
            async () => (await receivers.Database.QueryAsync("SELECT COUNT(*) FROM jobs WHERE lane = 'wh_failing' AND error IS NULL")).Single() == "0",
            "the pending deliveries of the disabled webhook to be dropped");
    }

    /// <summary>Together they have more deliveries than a worker holds.</summary>
    [Fact]
    public async Task ManyHangingReceivers_DelayNobodyElse()
    {
        const int Count = 100;
        await using var receivers = await Receivers.CreateAsync(await server.CreateAsync(DatabaseKind.MariaDb), hanging: 60);
        await using var worker = await receivers.StartWorkerAsync();
        await receivers.EmitAsync(Count, perSecond: 40);
        await Poll.UntilAsync(() => Task.FromResult(receivers.Ticks().Count == Count), "all events");
        var slowest = receivers.Ticks().Max(happened => happened.At - (DateTimeOffset)happened.Json["timestamp"]!);
        Assert.True(slowest < TimeSpan.FromSeconds(6), $"An event took {slowest}; a receiver that hangs is given up after ten seconds.");
        Assert.All(Enumerable.Range(0, 60), i => Assert.InRange(receivers.Receiver.CountOf($"hanging-{i}"), 1, Count / 2));
    }
}

/// <summary>The same at full rate, which takes two minutes.</summary>
[Trait("lane", "long")]
[Trait("needs", "services")]
public sealed class DeliveryRateTests(DatabaseServer server)
{
    [Fact]
    public async Task ThousandEventsASecond_ReachTheFastReceiverInTime()
    {
        const int Seconds = 60;
        const int PerSecond = 1000;
        await using var receivers = await Receivers.CreateAsync(await server.CreateAsync(DatabaseKind.MariaDb));
        await using var first = await receivers.StartWorkerAsync();
        await receivers.EmitAsync(Seconds * PerSecond, PerSecond);
        await Poll.UntilAsync(() => Task.FromResult(receivers.Ticks().Count == Seconds * PerSecond), "all events");
        var delays = receivers.Ticks().Select(happened => (happened.At - (DateTimeOffset)happened.Json["timestamp"]!).TotalSeconds).Order().ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine($"Delays: median {delays[delays.Length / 2]:F3} s, 95 in 100 {delays[delays.Length * 95 / 100]:F3} s, longest {delays[^1]:F3} s.");
        Assert.Equal("disabled", await receivers.StatusOfAsync("failing"));
        Assert.InRange(receivers.Receiver.CountOf("failing"), 50, 150);
        Assert.True(delays[delays.Length * 95 / 100] < 2, $"95 in 100 took {delays[delays.Length * 95 / 100]:F3} s or less.");

        // Nothing is lost when one worker stops and another starts.
        var emitting = receivers.EmitAsync(10 * PerSecond, PerSecond);
        Assert.Equal(0, await first.TerminateAsync());
        await using var second = await receivers.StartWorkerAsync();
        await emitting;
        await Poll.UntilAsync(() => Task.FromResult(receivers.Ticks().Count == (Seconds + 10) * PerSecond), "all events, those of the restart included");
    }
}
