using System.IO.Compression;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>A replica that starts while the database is unavailable serves the snapshot in its data folder.</summary>
[Trait("needs", "services")]
public sealed class RestartWithoutDatabaseTests
{
    private const string Stranger = "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv";

    [Fact]
    public async Task DatabaseAway_ARestartedReplicaServesWarmKeys_AndTellsNobodyThatAKeyIsWrong()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        using var folder = new TemporaryFolder();
        var (settings, file) = Settings(services, folder);
        var (key, slug) = await LeaveSnapshotAsync(services, settings, file, upstream);

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

            // What the snapshot does not have is unknown, not absent: it may have been added since.
            const string Unknown = "no/such-model";
            (await warm.ChatAsync(Unknown)).Error(503, "SERVICE_UNAVAILABLE");
            (await warm.GetAsync($"/oai/v1/models/{Unknown}")).OpenAiError(503, "service_unavailable");
            using var admin = warm.As(Secrets.AdminKey);
            var snapshot = (await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!;
            Assert.True((bool)snapshot["is_restored"]!);
            Assert.True((bool)snapshot["is_stale"]!);
            Assert.True((double)snapshot["age_seconds"]! > 0);

            // When the database is back, the replica replaces the restored snapshot with a complete read of the database.
            await services.MariaDb.RestartAsync();
            await Poll.UntilAsync(async () => !(bool)(await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["is_restored"]!, "the database's snapshot");
            (await stranger.ChatAsync(slug)).Error(401, "AUTH_TOKEN_INVALID");
            (await warm.ChatAsync(slug)).Ok();
            (await warm.ChatAsync(Unknown)).Error(404, "MODEL_NOT_FOUND");
            (await warm.GetAsync($"/oai/v1/models/{Unknown}")).OpenAiError(404, "model_not_found");
        }

        // While the secret key is rotated, the previous one opens the file.
        await services.MariaDb.KillAsync();
        var rotated = new Dictionary<string, string>(settings)
        {
            ["SCAIGRID_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
            ["SCAIGRID_SECRET_KEY_PREVIOUS"] = Secrets.SecretKey,
        };
        await using (var api = await ModeProcess.StartAsync(Mode.Http, rotated))
        {
            using var warm = new ApiDriver(api.BaseAddress, key);
            (await warm.ChatAsync(slug)).Ok();
            Assert.Equal("Bearer sk-upstream-secret-1234", upstream.Calls.Last().Headers["Authorization"]);
        }

        // The file cannot be opened with another secret key, and is not served when it is older than the maximum age.
        foreach (var (name, value) in new[] { ("SCAIGRID_SECRET_KEY", Convert.ToBase64String(new byte[32])), ("SCAIGRID_SNAPSHOT_MAX_AGE_S", "0") })
        {
            await using var api = await ModeProcess.StartAsync(Mode.Http, new Dictionary<string, string>(settings) { [name] = value });
            using var warm = new ApiDriver(api.BaseAddress, key);
            (await warm.ChatAsync(slug)).Error(503, "SERVICE_UNAVAILABLE");
        }
    }

    [Fact]
    public async Task DatabaseAnswersButCannotBeRead_ARestartedReplicaServesWhatItHas()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var services = await GridServices.StartAsync();
        using var folder = new TemporaryFolder();
        var (settings, file) = Settings(services, folder);
        var (key, slug) = await LeaveSnapshotAsync(services, settings, file, upstream);

        await services.MariaDb.ExecuteAsync("RENAME TABLE models TO models_elsewhere");
        await using var api = await ModeProcess.StartAsync(Mode.Http, settings);
        using var warm = new ApiDriver(api.BaseAddress, key);
        (await warm.ChatAsync(slug)).Ok();
        using var admin = warm.As(Secrets.AdminKey);
        Assert.True((bool)(await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["is_restored"]!);

        await services.MariaDb.ExecuteAsync("RENAME TABLE models_elsewhere TO models");
        await Poll.UntilAsync(async () => !(bool)(await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["is_restored"]!, "the database's snapshot");
        (await warm.ChatAsync(slug)).Ok();
    }

    [Fact]
    public async Task FileThatCannotBeUsed_IsToldAndNotServed()
    {
        await using var services = await GridServices.StartAsync();
        await services.MariaDb.KillAsync();
        using var folder = new TemporaryFolder();
        var (settings, file) = Settings(services, folder);
        var (box, rows) = (new SecretBox(new SecretOptions { SecretKey = Secrets.SecretKey }), new SnapshotRows());
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);

        // A file of an older format, and a damaged file of the current format. Both lack tables.
        foreach (var owner in new[] { "snapshot-file-2", SnapshotFile.Owner(rows) })
        {
            using var buffer = new MemoryStream();
            await using (var compressed = new BrotliStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
            {
                JsonSerializer.Serialize(compressed, new { revision = 7, confirmed_at = TimeProvider.System.GetUtcNow(), rows = new { Partner = Array.Empty<object>() } });
            }

            await File.WriteAllBytesAsync(file, box.Seal(buffer.ToArray(), owner), TestContext.Current.CancellationToken);
            await AssertNotServedAsync();
        }

        // A complete file with a row that cannot be loaded: the key's hash is invalid.
        Load(rows.Partners, new Partner { Id = "ptn_1", Slug = "p", DisplayName = "P", CreatedAt = default, UpdatedAt = default });
        Load(rows.Tenants, new Tenant { Id = "tnt_1", PartnerId = "ptn_1", Slug = "t", DisplayName = "T", CreatedAt = default, UpdatedAt = default });
        Load(rows.Users, new User { Id = "usr_1", TenantId = "tnt_1", Email = "u@test.example", DisplayName = "U", CreatedAt = default, UpdatedAt = default });
        Load(rows.Keys, new ApiKey { Id = "key_1", TenantId = "tnt_1", UserId = "usr_1", Name = "k", Prefix = "sgk_", Hash = "no hash", CreatedBy = "usr_1", CreatedAt = default });
        var whole = new SnapshotFile(new HostSettings { DataDirectory = settings["SCAIGRID_DATA_DIR"] }, new SnapshotOptions(), box, TimeProvider.System, NullLogger<SnapshotFile>.Instance);
        await whole.WriteAsync(whole.Seal(rows), TestContext.Current.CancellationToken);
        await AssertNotServedAsync();

        async Task AssertNotServedAsync()
        {
            await using var api = await ModeProcess.StartAsync(Mode.Http, settings);
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            (await admin.ChatAsync("scailabs/echo")).Error(503, "SERVICE_UNAVAILABLE");
            Assert.Contains("The snapshot on disk cannot be used.", api.Output, StringComparison.Ordinal);
        }

        static void Load<T>(SnapshotTable<T> table, T row)
            where T : class, ISnapshotted => table.Read(JsonSerializer.SerializeToElement(new[] { row }));
    }

    private static (Dictionary<string, string> Settings, string File) Settings(GridServices services, TemporaryFolder folder) =>
        (new(services.Settings) { ["SCAIGRID_DATA_DIR"] = folder.File("data") }, folder.File("data/snapshot.sealed"));

    /// <summary>Runs a replica until it has saved its snapshot, and kills it. Returns a key and a model of that snapshot.</summary>
    private static async Task<(string Key, string Slug)> LeaveSnapshotAsync(
        GridServices services, IReadOnlyDictionary<string, string> settings, string file, FakeUpstream upstream)
    {
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        upstream.Play("m", new UpstreamScript());
        var slug = await admin.ConnectAsync(upstream.BaseUrl, "m");
        var (_, key) = await admin.CreateKeyAsync();
        var before = File.Exists(file) ? File.GetLastWriteTimeUtc(file) : DateTime.MinValue;
        await Poll.UntilAsync(
            async () =>
            {
                // An unchanged snapshot is not saved again. If it was saved just before its time was read, only another change causes a newer file.
                await admin.CreateKeyAsync();
                await Task.Delay(500);
                return File.Exists(file) && File.GetLastWriteTimeUtc(file) > before;
            },
            "the snapshot on disk");
        await api.KillAsync();
        return (key, slug);
    }
}
