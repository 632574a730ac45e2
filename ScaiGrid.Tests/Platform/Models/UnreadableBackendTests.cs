using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>A backend or a model whose row is damaged in a way that no code expects: it alone is out of service, and the log says why.</summary>
[Collection(nameof(SmallGrid))]
[Trait("needs", "services")]
public sealed class UnreadableBackendTests
{
    private const string Duplicate = """{"a":1,"a":2}""";

    [Fact]
    public async Task ReplicaServesTheOthers()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var first = await Replica.StartAsync(Mode.Http, services.Settings);
        using var admin = new ApiDriver(first.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript());
        var model = await RoutedModel.CreateAsync(admin, [new(upstream.BaseUrl, "m"), new(upstream.BaseUrl, "m")]);
        await DamageAsync(services, model.Backends[0]);

        await using var second = await Replica.StartAsync(Mode.Http, services.Settings);
        await second.CatchUpAsync(admin);
        using var api = new ApiDriver(second.BaseAddress, Secrets.AdminKey);
        Assert.Equal(model.Backends[1], (string?)(await api.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]);
        Assert.Equal("unavailable", (string?)(await model.HealthAsync(0, api))["status"]);
        Assert.Contains("\"backend_left_out\"", second.Output, StringComparison.Ordinal);
        Assert.Contains("System.ArgumentException", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReplicaServesTheOtherModels()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var first = await Replica.StartAsync(Mode.Http, services.Settings);
        using var admin = new ApiDriver(first.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript());
        var damaged = await RoutedModel.CreateAsync(admin, [new(upstream.BaseUrl, "m")]);
        var other = await RoutedModel.CreateAsync(admin, [new(upstream.BaseUrl, "m")]);
        await services.MariaDb.ExecuteAsync("UPDATE models SET default_params = @params WHERE slug = @slug", ("params", Duplicate), ("slug", damaged.Slug));

        await using var second = await Replica.StartAsync(Mode.Http, services.Settings);
        await second.CatchUpAsync(admin);
        using var api = new ApiDriver(second.BaseAddress, Secrets.AdminKey);
        (await api.ChatAsync(other.Slug)).Ok();
        (await api.ChatAsync(damaged.Slug)).Error(404, "MODEL_NOT_FOUND");
        Assert.Contains("\"model_left_out\"", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WorkerProbesTheOthers()
    {
        const int FailuresThatOpen = 5;
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var replica = await Replica.StartAsync(Mode.Http, services.Settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        var port = FreePort.Next();
        var dead = new RoutedBackend($"http://127.0.0.1:{port}/v1", "m");
        var (damaged, other) = (await RoutedModel.CreateAsync(api, [dead]), await RoutedModel.CreateAsync(api, [dead]));
        for (var i = 0; i < FailuresThatOpen; i++)
        {
            (await api.ChatAsync(damaged.Slug)).Error(503, "MODEL_UNAVAILABLE");
            (await api.ChatAsync(other.Slug)).Error(503, "MODEL_UNAVAILABLE");
        }

        await DamageAsync(services, damaged.Backends[0]);
        await using var returned = await FakeUpstream.StartAsync(port);
        await using var worker = await Replica.StartAsync(Mode.Worker, services.Settings);
        await Poll.UntilAsync(async () => await other.StateAsync(0, api) == "closed", "a probe by the worker");
        Assert.Contains("\"probe_failed\"", worker.Output, StringComparison.Ordinal);
    }

    private static Task DamageAsync(GridServices services, string backend) => services.MariaDb.ExecuteAsync(
        "UPDATE backends SET connection_config = @config WHERE id = @id", ("config", Duplicate), ("id", backend));
}
