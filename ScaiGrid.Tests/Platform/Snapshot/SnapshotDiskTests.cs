using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Batch;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>A data folder on a disk that does not answer.</summary>
[Trait("needs", "services")]
public sealed class SnapshotDiskTests(DatabaseServer server)
{
    [Fact]
    public async Task WriteThatHangs_DelaysNoChange()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        await using var disk = await SmallDisk.MountAsync();

        // A FUSE file system that nobody serves. Before a write, the files named like this one are looked at.
        await using var hang = ServerProcess.Start(
            disk.Enter[0],
            [
                .. disk.Enter.Skip(1), "sh", "-c",
                "exec 3<>/dev/fuse && mkdir \"$0/hang\" && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none \"$0/hang\""
                + " && ln -s hang/file \"$0/snapshot.sealed.x\" && echo mounted && exec cat",
                disk.Path,
            ]);
        await Poll.UntilAsync(() => Task.FromResult(hang.HasExited || hang.Output.Contains("mounted", StringComparison.Ordinal)), "a disk that hangs");
        if (hang.HasExited)
        {
            Requirement.NotAllowed($"This system lets nobody mount FUSE in a namespace: {hang.Output}");
        }

        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.Sqlite), redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(settings) { ["SCAIGRID_DATA_DIR"] = disk.Path }, disk);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);

        // The first snapshot is written at the start.
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        var (_, key) = await admin.CreateKeyAsync();
        using var holder = admin.As(key);
        (await holder.ChatAsync("scailabs/echo")).Ok();
        Assert.DoesNotContain("could not be announced", http.Output, StringComparison.Ordinal);
    }
}
