using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The worker's probes of open circuits whose upstreams list their models.</summary>
public sealed class ProbeTests(Grid grid) : GridTest(grid)
{
    private const int FailuresThatOpen = 5;

    /// <summary>Like an overloaded upstream, which can still list its models.</summary>
    [Theory]
    [InlineData("120")]
    [InlineData(null)]
    public async Task CallsThatFailed_WhileTheModelsAreListed_AreNotTriedBeforeTheirTime(string? retryAfter)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("ill", new UpstreamScript { Status = 503, Headers = retryAfter is null ? new Dictionary<string, string>() : new() { ["Retry-After"] = retryAfter } });
        upstream.Play("well", new UpstreamScript());
        var model = await RoutedModel.CreateAsync(Admin, [new(upstream.BaseUrl, "ill"), new(upstream.BaseUrl, "well", Priority: 1)]);
        for (var i = 0; i < FailuresThatOpen; i++)
        {
            (await Admin.ChatAsync(model.Slug)).Ok();
        }

        Assert.Equal("open", await model.StateAsync(0));
        var calls = upstream.CallsOf("ill").Count;
        Assert.Equal(retryAfter is null ? FailuresThatOpen : 1, calls);

        // By then the worker has probed: it closes the circuit of another upstream that was unreachable.
        await AnotherIsProbedClosedAsync();
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.Equal("open", await model.StateAsync(0));
        (await Admin.ChatAsync(model.Slug)).Ok();
        Assert.Equal(calls, upstream.CallsOf("ill").Count);
    }

    [Fact]
    public async Task CircuitThatOpenedAnewWhileItsUpstreamWasAsked_StaysAsItIs()
    {
        var port = FreePort.Next();
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{port}/v1", "m")]);
        for (var i = 0; i < FailuresThatOpen; i++)
        {
            (await Admin.ChatAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");
        }

        var listing = new TaskCompletionSource();
        await using var returned = await FakeUpstream.StartAsync(port, listing.Task);
        returned.Play("m", new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "120" } });
        await Poll.UntilAsync(() => Task.FromResult(returned.Listings > 0), "the worker's probe");

        // An administrator's probe finishes first, and calls are rate limited before the worker has its answer.
        returned.HoldModels = Task.CompletedTask;
        (await Admin.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        Assert.Equal("closed", await model.StateAsync(0));
        (await Admin.ChatAsync(model.Slug)).Error(429, "BACKEND_RATE_LIMITED");
        listing.SetResult();
        await AnotherIsProbedClosedAsync();
        var circuit = (await model.HealthAsync(0))["circuit"]!;
        Assert.Equal(("open", "rate_limited"), ((string?)circuit["state"], (string?)circuit["reason"]));
    }

    private async Task AnotherIsProbedClosedAsync()
    {
        var port = FreePort.Next();
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{port}/v1", "m")]);
        for (var i = 0; i < FailuresThatOpen; i++)
        {
            await Admin.ChatAsync(model.Slug);
        }

        Assert.Equal("open", await model.StateAsync(0));
        await using var returned = await FakeUpstream.StartAsync(port);
        await Poll.UntilAsync(async () => await model.StateAsync(0) == "closed", "a probe by the worker");
    }
}
