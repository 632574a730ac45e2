using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Batch;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>Many changes of the snapshot at once.</summary>
[Trait("needs", "services")]
public sealed class SnapshotBurstTests(DatabaseServer server)
{
    /// <summary>Each request waits until its change is served, which needs the database.</summary>
    [Fact]
    public async Task MoreChangesThanConnections_AreEachServedAtOnce()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_DATABASE_POOL_SIZE"] = "3";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await ModeProcess.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ =>
        {
            var (_, key) = await admin.CreateKeyAsync();
            using var holder = admin.As(key);
            (await holder.ChatAsync("scailabs/echo")).Ok();
        }));

        // It waits in vain for some seconds before it tells.
        Assert.DoesNotContain("could not be announced", http.Output, StringComparison.Ordinal);
    }
}
