using System.Net;
using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Batch;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Files;

/// <summary>Uploads whose row may be stored, because the connection to the database breaks during the commit.</summary>
[Trait("needs", "services")]
public sealed class LostCommitTests(DatabaseServer server)
{
    [Fact]
    public async Task BytesOfARowThatMayBeStored_AreKept()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var proxy = new DatabaseProxy(settings["SCAIGRID_DATABASE_URL"], "INSERT INTO `files`");
        settings["SCAIGRID_DATABASE_URL"] = proxy.Url;
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);

        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new StringContent("{}"), "file", "input.jsonl" } };
        using var uploaded = await admin.Http.PostAsync(new Uri("/v1/files", UriKind.Relative), form);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 1), (uploaded.StatusCode, proxy.Cuts));
        var id = Assert.Single(await admin.IdsAsync("/v1/files?x=1", 10));
        Assert.Equal("{}", (await admin.GetAsync($"/v1/files/{id}/content")).Text);
    }
}
