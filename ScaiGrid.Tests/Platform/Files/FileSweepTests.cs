using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Files;

/// <summary>What an upload leaves behind when its process is killed before it is complete.</summary>
[Trait("needs", "services")]
public sealed class FileSweepTests(DatabaseServer server)
{
    [Fact]
    public async Task BytesOfAnUploadThatDiedBeforeItsRow_GoAfterADay_AndNoOthers()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var database = await server.CreateAsync(DatabaseKind.MariaDb);
        var settings = new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_STORAGE_PATH"] = folder.File("blobs"),
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
        };
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var blobs = new DiskBlobStore(folder.File("blobs"), TimeProvider.System, NullLogger<DiskBlobStore>.Instance);
        Assert.Equal(201, (int)(await api.UploadAsync("{}\n"u8.ToArray())).Status);
        var kept = Assert.Single(await KeysAsync(blobs));

        // The row cannot be inserted while another connection locks the table. The bytes are stored by then.
        await using (var holder = await database.Address.OpenAsync(TestContext.Current.CancellationToken))
        {
            await using var command = holder.CreateCommand();
            command.CommandText = "LOCK TABLES files READ";
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            var doomed = api.UploadAsync("{}\n"u8.ToArray());
            await Poll.UntilAsync(async () => (await KeysAsync(blobs)).Count == 2, "the bytes of the second upload");
            await http.KillAsync();
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => doomed);
        }

        Assert.Equal("1", (await database.QueryAsync("SELECT COUNT(*) FROM files")).Single());
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var sweep = new FileSweep(blobs, database.Contexts, clock, NullLogger<FileSweep>.Instance);
        await sweep.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, (await KeysAsync(blobs)).Count);
        clock.Advance(TimeSpan.FromHours(25));
        await sweep.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal([kept], await KeysAsync(blobs));
    }

    [Fact]
    public async Task BytesThatCannotBeDeleted_DoNotKeepTheOthers()
    {
        using var folder = new TemporaryFolder();
        var database = await server.CreateAsync(DatabaseKind.Sqlite);
        await ModeProcess.RunAsync(Mode.Migrate, new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
        });
        var disk = new DiskBlobStore(folder.File("blobs"), TimeProvider.System, NullLogger<DiskBlobStore>.Instance);
        string[] keys = ["files/t/file_01ARZ3NDEKTSV4RRFFQ69G5FAV", "files/t/file_01ARZ3NDEKTSV4RRFFQ69G5FAW"];
        foreach (var key in keys)
        {
            using var bytes = new MemoryStream([1]);
            await disk.WriteAsync(key, bytes, TestContext.Current.CancellationToken);
        }

        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(2));
        var sweep = new FileSweep(new StubbornBlobStore(disk) { Stubborn = keys[0] }, database.Contexts, clock, NullLogger<FileSweep>.Instance);
        await sweep.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal([keys[0]], await KeysAsync(disk));
    }

    private static async Task<IReadOnlyList<string>> KeysAsync(DiskBlobStore blobs) =>
        [.. (await blobs.ListAsync("files/", after: null, 100, TestContext.Current.CancellationToken)).Items.Select(blob => blob.Key)];
}
