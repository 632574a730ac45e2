using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>A replica that starts while the database is away serves the snapshot that its data folder has.</summary>
[Trait("needs", "services")]
public sealed class RestartWithoutDatabaseTests
{
    private const string Stranger = "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv";

    [Fact]
    public async Task DatabaseAway_ARestartedReplicaServesWarmKeys_AndTellsNobodyThatAKeyIsWrong()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        using var folder = new TemporaryFolder();
        var settings = services.Settings;
        settings["SCAIGRID_DATA_DIR"] = folder.File("data");
        var file = folder.File("data/snapshot.sealed");
        string key;
        string slug;
        await using (var api = await Replica.StartAsync(Mode.Http, settings))
        {
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            upstream.Play("m", new UpstreamScript());
            slug = await admin.ConnectAsync(upstream.BaseUrl, "m");
            (_, key) = await admin.CreateKeyAsync();
            var before = File.Exists(file) ? File.GetLastWriteTimeUtc(file) : DateTime.MinValue;
            await Poll.UntilAsync(
                async () =>
                {
                    // What was saved just before it was looked at is not saved again without a change.
                    await admin.CreateKeyAsync();
                    await Task.Delay(500);
                    return File.Exists(file) && File.GetLastWriteTimeUtc(file) > before;
                },
                "the snapshot on disk");
            await api.KillAsync();
        }

        var bytes = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(slug, bytes, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-upstream-secret-1234", bytes, StringComparison.Ordinal);

        await services.MariaDb.KillAsync();
        await using (var api = await ModeProcess.StartAsync(Mode.Http, settings))
        {
            using var warm = new ApiDriver(api.BaseAddress, key);
            (await warm.ChatAsync(slug)).Ok();
            Assert.Equal("Bearer sk-upstream-secret-1234", upstream.Calls.Last().Headers["Authorization"]);
            using var stranger = warm.As(Stranger);
            (await stranger.ChatAsync(slug)).Error(503, "SERVICE_UNAVAILABLE");
            using var admin = warm.As(Secrets.AdminKey);
            var snapshot = (await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!;
            Assert.True((bool)snapshot["is_restored"]!);
            Assert.True((bool)snapshot["is_stale"]!);
            Assert.True((double)snapshot["age_seconds"]! > 0);

            // The database is read whole again: what changed meanwhile shows.
            await services.MariaDb.RestartAsync();
            await Poll.UntilAsync(async () => !(bool)(await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["is_restored"]!, "the database's snapshot");
            (await stranger.ChatAsync(slug)).Error(401, "AUTH_TOKEN_INVALID");
            (await warm.ChatAsync(slug)).Ok();
        }

        // Another key cannot open the file, and a file that is too old is not served.
        await services.MariaDb.KillAsync();
        foreach (var (name, value) in new[] { ("SCAIGRID_SECRET_KEY", Convert.ToBase64String(new byte[32])), ("SCAIGRID_SNAPSHOT_MAX_AGE_S", "0") })
        {
            await using var api = await ModeProcess.StartAsync(Mode.Http, new Dictionary<string, string>(settings) { [name] = value });
            using var warm = new ApiDriver(api.BaseAddress, key);
            (await warm.ChatAsync(slug)).Error(503, "SERVICE_UNAVAILABLE");
        }
    }
}
