using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>A second Api replica learns of changes within two seconds: from Redis or, if Redis announces nothing, by polling the database.</summary>
[Collection(TimedTests.Name)]
public sealed class SnapshotTests(Grid grid) : ServicesTest(grid)
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Changes_ReachTheOtherReplica(bool isAnnounced)
    {
        var settings = Services.Settings;
        settings["SCAIGRID_REDIS_URL"] = isAnnounced ? settings["SCAIGRID_REDIS_URL"] : $"redis://127.0.0.1:{FreePort.Next()}";
        await using var replica = await ModeProcess.StartAsync(Mode.Http, settings);
        using var other = new ApiDriver(replica.BaseAddress, Admin.Key);
        await Poll.UntilAsync(async () => (int)(await other.GetAsync("/v1/me")).Status == 200, "the replica's first snapshot");

        var (keyId, key) = await Admin.CreateKeyAsync();
        using var holder = other.As(key);
        await ReachesAsync(async () => (int)(await holder.GetAsync("/v1/me")).Status == 200, "a new key");
        (await Admin.DeleteAsync($"/v1/api-keys/{keyId}")).NoContent();
        await ReachesAsync(async () => (int)(await holder.GetAsync("/v1/me")).Status == 401, "a revoked key");

        var name = $"upstream-{Fresh.Name()}";
        Grid.Upstream.Play(name, new UpstreamScript { PromptTokens = 1_000_000, CompletionTokens = 0 });
        var slug = await Admin.ConnectAsync(Grid.Upstream.BaseUrl, name, inputPrice: "1");
        await ReachesAsync(async () => (int)(await other.ChatAsync(slug)).Status == 200, "a new model");

        // Price and window are changed together, and the window is visible.
        (await Admin.PutAsync($"/v1/models/{Uri.EscapeDataString(slug)}", new { input_price_per_mtok = "7", context_window = 777 })).Ok();
        await ReachesAsync(async () => (int?)(await other.GetAsync($"/oai/v1/models/{slug}")).Body()["context_window"] == 777, "a changed model");
        (await other.ChatAsync(slug)).Ok();

        // Without Redis the replica's usage stays in its journal. Another process on the same data folder ships it after the replica has ended.
        Assert.Equal(0, await replica.TerminateAsync());
        Assert.Equal(["7", "1"], (await Admin.UsageAsync(slug, 2)).Select(row => (string?)row["cost"]));
    }

    [Fact]
    public async Task Details_TellWhichSnapshotIsServed()
    {
        await using var replica = await Replica.StartAsync(Mode.Http, Services.Settings);
        using var other = new ApiDriver(replica.BaseAddress, Admin.Key);
        var before = await RevisionAsync(Admin);
        await Admin.CreateKeyAsync();
        Assert.True(await RevisionAsync(Admin) > before);
        await ReachesAsync(async () => await RevisionAsync(other) > before, "the new revision");
        var details = (await other.GetAsync("/health/detailed")).Ok();
        Assert.Equal(("ok", "ok"), ((string?)details["database"]!["status"], (string?)details["redis"]!["status"]));
        Assert.False((bool)details["snapshot"]!["is_stale"]!);
        Assert.True((int)details["snapshot"]!["keys"]! > 0);
        Assert.True((int)details["snapshot"]!["models"]! > 0);
        Assert.Contains("SCAIGRID_SECRET_KEY", details["settings_set"]!.AsArray().Select(name => (string?)name));
        Assert.DoesNotContain(Secrets.SecretKey, details.ToJsonString(), StringComparison.Ordinal);

        // What tells of other tenants or of the installation's machines is not for a tenant's admin.
        var tenant = await SeededTenant.CreateAsync(Admin);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var shown = (await admin.Api.GetAsync("/health/detailed")).Ok();
        Assert.False((bool)shown["snapshot"]!["is_stale"]!);
        Assert.Null(shown["snapshot"]!["keys"]);
        Assert.Null(shown["snapshot"]!["models"]);
        Assert.Null(shown["settings_set"]);
        Assert.All(shown["scheduled_tasks"]!.AsArray(), task => Assert.Null(task!["worker"]));
    }

    private static async Task ReachesAsync(Func<Task<bool>> isThere, string what)
    {
        var took = await Poll.UntilAsync(isThere, what);
        Assert.True(took < Promised, $"{what} took {took.TotalSeconds:F1} s to reach the other replica.");
    }

    private static async Task<long> RevisionAsync(ApiDriver api) => (long)JsonNode.Parse((await api.GetAsync("/health/detailed")).Text)!["data"]!["snapshot"]!["revision"]!;
}

/// <summary>Tests that measure time run one at a time, after all others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class TimedTests
{
    public const string Name = "timed";
}
