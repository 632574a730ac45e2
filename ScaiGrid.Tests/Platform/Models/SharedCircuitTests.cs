using ScaiGrid.Tests.Platform.Snapshot;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Replicas agree on the state of circuits within two seconds. While Redis is unavailable, each has its own state.</summary>
[Collection(TimedTests.Name)]
[Trait("needs", "services")]
public sealed class SharedCircuitTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Replicas_AgreeWithinTwoSeconds_AndGoOnAloneWhileRedisIsAway()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var first = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var second = await Replica.StartAsync(Mode.Http, services.Settings);
        using var one = new ApiDriver(first.BaseAddress, Secrets.AdminKey);
        using var two = new ApiDriver(second.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript { Status = 500 });
        var model = await RoutedModel.CreateAsync(one, [new(upstream.BaseUrl, "m")]);
        await Poll.UntilAsync(async () => (int)(await two.GetAsync($"/oai/v1/models/{model.Slug}")).Status == 200, "the model on the second replica");

        // A circuit that one replica opens is open on the other.
        await BreakAsync(one, model);
        await ReachesAsync(model, two, "open");
        var calls = upstream.Calls.Count;
        (await two.ChatAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");
        Assert.Equal(calls, upstream.Calls.Count);

        (await two.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        await ReachesAsync(model, one, "closed");

        // The replica logs the changes of the circuit, but not each failure.
        await Poll.UntilAsync(() => Task.FromResult(Logged(first, "circuit_opened") == 1 && Logged(first, "circuit_closed") == 1), "the circuit in the log");
        Assert.InRange(Logged(first, "attempt_failed"), 1, 4);

        // A failure of another kind is logged immediately.
        upstream.Play("m", new UpstreamScript { Body = "no JSON" });
        (await one.ChatAsync(model.Slug)).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        await Poll.UntilAsync(() => Task.FromResult(Logged(first, "ShapeMismatch") == 1), "the other failure in the log");
        upstream.Play("m", new UpstreamScript { Status = 500 });

        // A replica that starts now learns the state as well.
        await BreakAsync(two, model);
        await ReachesAsync(model, one, "open");
        await using (var third = await Replica.StartAsync(Mode.Http, services.Settings))
        {
            using var three = new ApiDriver(third.BaseAddress, Secrets.AdminKey);
            await ReachesAsync(model, three, "open");
        }

        (await one.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        await ReachesAsync(model, two, "closed");

        // Without Redis each replica has its own state, and shares it when Redis is available again.
        await services.Redis.KillAsync();
        await BreakAsync(one, model);
        await Task.Delay(Promised);
        Assert.Equal("open", await model.StateAsync(0, one));
        Assert.Equal("closed", await model.StateAsync(0, two));
        upstream.Play("m", new UpstreamScript());
        (await two.ChatAsync(model.Slug)).Ok();
        (await one.ChatAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");

        await services.Redis.RestartAsync();
        await Poll.UntilAsync(async () => await model.StateAsync(0, two) == "open", "the first replica's view on the second, after Redis returned");
    }

    [Fact]
    public async Task BackendThatComesBackWhileRedisFails_IsAskedForAgain()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var replica = await Replica.StartAsync(Mode.Http, services.Settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript { Status = 500 });
        var model = await RoutedModel.CreateAsync(api, [new(upstream.BaseUrl, "m")]);
        await BreakAsync(api, model);

        // While the backend is disabled, the process forgets its circuit. When it is enabled again, the circuit cannot be read from Redis.
        var path = $"/v1/backends/{model.Backends[0]}";
        (await api.PutAsync(path, new { status = "disabled" })).Ok();
        await Poll.UntilAsync(async () => (string?)(await model.HealthAsync(0, api))["status"] == "unavailable", "the backend to be forgotten");
        await services.Redis.AllowAsync("mget", isAllowed: false);
        (await api.PutAsync(path, new { status = "active" })).Ok();
        await Poll.UntilAsync(() => Task.FromResult(Logged(replica, "circuits_not_shared") > 0), "a failure to read the circuits from Redis");
        await services.Redis.AllowAsync("mget", isAllowed: true);
        await Poll.UntilAsync(async () => await model.StateAsync(0, api) != "closed", "the circuit's state from Redis");
    }

    /// <summary>Also if a change waits to be announced, which alone would look like the state of all circuits.</summary>
    [Fact]
    public async Task RedisThatLostItsData_IsToldOfAllOpenCircuits()
    {
        await using var grid = await SmallGrid.StartAsync();
        var paused = new UpstreamScript { Status = 503, Headers = new Dictionary<string, string> { ["Retry-After"] = "120" } };
        var models = new List<RoutedModel>();
        for (var i = 0; i < 3; i++)
        {
            grid.Upstream.Play($"m{i}", paused);
            models.Add(await RoutedModel.CreateAsync(grid.Admin, [new(grid.Upstream.BaseUrl, $"m{i}")]));
        }

        await grid.CatchUpAsync();
        for (var i = 0; i < 2; i++)
        {
            (await grid.Admin.ChatAsync(models[i].Slug)).Error(503, "MODEL_UNAVAILABLE");
            await ReachesAsync(models[i], grid.Admins[1], "open");
        }

        await grid.Redis!.KillAsync();
        (await grid.Admin.ChatAsync(models[2].Slug)).Error(503, "MODEL_UNAVAILABLE");
        await grid.Redis.RestartEmptyAsync();
        await Poll.UntilAsync(async () => await models[2].StateAsync(0, grid.Admins[1]) == "open", "the third circuit on the other replica");
        await Task.Delay(Promised);
        foreach (var admin in grid.Admins)
        {
            Assert.Equal(["open", "open", "open"], [await models[0].StateAsync(0, admin), await models[1].StateAsync(0, admin), await models[2].StateAsync(0, admin)]);
        }

        // The circuits, and their number.
        Assert.Equal(3 + 1, await grid.Redis.CountKeysAsync("scaigrid:{circuits}:*"));
    }

    /// <summary>The client refuses commands that are turned off in its configuration, with an exception of its own.</summary>
    [Fact]
    public async Task CommandThatCannotBeSent_StopsNeitherTheReplicaNorItsOtherWork()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        var settings = services.Settings;
        settings["SCAIGRID_REDIS_URL"] = $"{services.Redis.Configuration},$MGET=,$HLEN=";
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript { Status = 500 });
        upstream.Play("well", new UpstreamScript());
        var model = await RoutedModel.CreateAsync(api, [new(upstream.BaseUrl, "m"), new(upstream.BaseUrl, "well", Priority: 1)]);
        for (var i = 0; i < 5; i++)
        {
            (await api.ChatAsync(model.Slug)).Ok();
        }

        // Usage waits in the journal.
        await Poll.UntilAsync(() => Task.FromResult(Logged(replica, "shipping_failed") > 0), "a failure to ship usage");
        await RoutedModel.CreateAsync(api, [new(upstream.BaseUrl, "well")]);
        await Poll.UntilAsync(() => Task.FromResult(Logged(replica, "circuits_not_shared") > 0), "a failure to read the circuits from Redis");
        await Task.Delay(Promised);
        (await api.ChatAsync(model.Slug)).Ok();
        Assert.False(replica.HasExited, replica.Output);
    }

    /// <summary>Replicas find changes and ends of sessions in the database as well.</summary>
    [Fact]
    public async Task RedisWithoutChannels_StopsNoReplica_AndFailsNoChange()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        var settings = services.Settings;
        settings["SCAIGRID_REDIS_URL"] = $"{services.Redis.Configuration},$SUBSCRIBE=,$PUBLISH=";
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript());
        var model = await RoutedModel.CreateAsync(api, [new(upstream.BaseUrl, "m")]);
        await Task.Delay(Promised);
        (await api.ChatAsync(model.Slug)).Ok();
        Assert.False(replica.HasExited, replica.Output);
    }

    private static int Logged(ModeProcess replica, string name) => replica.Output.Split($"\"{name}\"").Length - 1;

    private static async Task BreakAsync(ApiDriver api, RoutedModel model)
    {
        for (var i = 0; i < 5; i++)
        {
            (await api.ChatAsync(model.Slug)).Error(502, "BACKEND_ERROR");
        }

        Assert.Equal("open", await model.StateAsync(0, api));
    }

    private static async Task ReachesAsync(RoutedModel model, ApiDriver api, string state)
    {
        var took = await Poll.UntilAsync(async () => await model.StateAsync(0, api) == state, $"the circuit's state {state} on the other replica");
        Assert.True(took < Promised, $"{state} took {took.TotalSeconds:F1} s to reach the other replica.");
    }
}
