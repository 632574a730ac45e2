using System.Diagnostics;
using System.Text.Json.Nodes;
using Grpc.Health.V1;
using Grpc.Net.Client;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>The database or Redis fails while a replica runs.</summary>
[Trait("needs", "services")]
public sealed class DatabaseAwayTests
{
    [Fact]
    public async Task WarmKeysAreServed_ReadinessTells_AndUsageArrivesLater()
    {
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var worker = await ModeProcess.StartAsync(Mode.Worker, services.Settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        (await admin.ChatAsync("scailabs/echo")).Ok();

        await services.MariaDb.KillAsync();
        (await admin.ChatAsync("scailabs/echo")).Ok();
        using (var stream = await admin.StreamAsync("scailabs/echo"))
        {
            Assert.True((await stream.AllAsync())[^1].IsDone);
        }

        var ready = await admin.GetAsync("/health/ready");
        Assert.Equal(503, (int)ready.Status);
        Assert.Equal("failed", (string?)JsonNode.Parse(ready.Text)!["checks"]!["database"]);
        Assert.Equal("ok", (string?)JsonNode.Parse(ready.Text)!["checks"]!["redis"]);
        Assert.Equal(200, (int)(await admin.GetAsync("/health")).Status);

        // An unknown key may be new if the snapshot is too old: it is answered with 503 instead of 401.
        await Task.Delay(TimeSpan.FromSeconds(7));
        using var stranger = admin.As("sgk_wrong-key-0123456789abcdefghijklmnopqrstuv");
        (await stranger.ChatAsync("scailabs/echo")).Error(503, "SERVICE_UNAVAILABLE");
        (await admin.ChatAsync("scailabs/echo")).Ok();

        // Database retries are bounded to about two seconds per request. Without the bound each request took about ten.
        var asked = Stopwatch.GetTimestamp();
        (await admin.GetAsync("/v1/providers")).Error(503, "SERVICE_UNAVAILABLE");
        (await admin.PostAsync("/v1/providers", new { name = "x", type = "custom", config = new { base_url = "http://127.0.0.1:9/v1" } })).Error(503, "SERVICE_UNAVAILABLE");
        Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(12));

        await services.MariaDb.RestartAsync();
        for (var i = 0; i < 60 && (int)(await admin.GetAsync("/health/ready")).Status != 200; i++)
        {
            await Task.Delay(500);
        }

        // On a busy machine the database and the scheduler need a while to be available again.
        var rows = await admin.UsageAsync("scailabs/echo", 4, timeoutSeconds: 180);
        Assert.True(rows.Count == 4, $"{rows.Count} rows; the worker said:\n{worker.Output}");
        await Poll.UntilAsync(async () => (int)(await stranger.ChatAsync("scailabs/echo")).Status == 401, "a snapshot that is recent enough to refuse an unknown key");
    }

    [Fact]
    public async Task LockThatIsHeldTooLong_IsAnsweredAsADatabaseThatIsAway()
    {
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(services.Settings) { ["SCAIGRID_DATABASE_TIMEOUT_S"] = "2" });
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        var provider = (string)(await admin.PostAsync("/v1/providers", new { name = "x", type = "custom", config = new { base_url = "http://127.0.0.1:9/v1" } })).Created()["id"]!;
        var change = new { name = "y" };
        await using (await services.MariaDb.BeginAsync("SELECT id FROM providers FOR UPDATE"))
        {
            Assert.True((int)(await admin.PutAsync($"/v1/providers/{provider}", change)).Error(503, "SERVICE_UNAVAILABLE")["retry_after"]! > 0);
            (await admin.GetAsync($"/v1/providers/{provider}")).Ok();
        }

        (await admin.PutAsync($"/v1/providers/{provider}", change)).Ok();
        Assert.Equal(["SUCCESS", "FAILURE"], (await admin.AuditAsync($"resource_id={provider}&action=provider.update")).Select(row => (string?)row["status"]));
        await using (await services.MariaDb.BeginAsync("LOCK TABLES providers WRITE"))
        {
            (await admin.GetAsync($"/v1/providers/{provider}")).Error(503, "SERVICE_UNAVAILABLE");
        }
    }

    [Fact]
    public async Task RedisAway_CallsGoOn_AndUsageArrivesLater()
    {
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var worker = await ModeProcess.StartAsync(Mode.Worker, services.Settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);

        await services.Redis.KillAsync();
        for (var i = 0; i < 5; i++)
        {
            (await admin.ChatAsync("scailabs/echo")).Ok();
        }

        Assert.Equal(503, (int)(await admin.GetAsync("/health/ready")).Status);

        // A control-plane change needs Redis only to notify the replicas.
        var (_, key) = await admin.CreateKeyAsync();
        using var other = admin.As(key);
        (await other.ChatAsync("scailabs/echo")).Ok();

        await services.Redis.RestartAsync();
        Assert.Equal(6, (await admin.UsageAsync("scailabs/echo", 6)).Count);
    }

    /// <summary>As with HTTP probes, the reason why a replica is not ready is logged.</summary>
    [Fact]
    public async Task GrpcProbes_HaveItLoggedWhyAReplicaIsNotReady()
    {
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var replica = await Replica.StartAsync(Mode.Grpc, services.Settings);
        using var channel = GrpcChannel.ForAddress(replica.BaseAddress);
        var health = new Health.HealthClient(channel);

        await services.Redis.KillAsync();
        await AnswersAsync(HealthCheckResponse.Types.ServingStatus.NotServing);
        await SaysAsync("Not ready: redis failed");

        await services.Redis.RestartAsync();
        await AnswersAsync(HealthCheckResponse.Types.ServingStatus.Serving);
        await SaysAsync("redis is ready again.");

        Task AnswersAsync(HealthCheckResponse.Types.ServingStatus status) => Poll.UntilAsync(
            async () => (await health.CheckAsync(new HealthCheckRequest(), cancellationToken: TestContext.Current.CancellationToken)).Status == status, $"the replica to be {status}");

        Task SaysAsync(string text) => Poll.UntilAsync(() => Task.FromResult(replica.Output.Contains(text, StringComparison.Ordinal)), $"'{text}' in the log");
    }
}
