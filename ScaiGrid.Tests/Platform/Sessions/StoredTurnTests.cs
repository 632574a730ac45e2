using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Sessions;

/// <summary>The end of a streamed reply tells its caller that the turn is stored.</summary>
[Trait("needs", "services")]
public sealed class StoredTurnTests(DatabaseServer server)
{
    [Fact]
    public async Task StreamWhoseTurnCannotBeStored_EndsWithAnError()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var database = await server.CreateAsync(DatabaseKind.Sqlite);
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
        var messages = $"/v1/sessions/{(string)(await api.PostAsync("/v1/sessions", new { model = "scailabs/echo" })).Created()["id"]!}/messages";

        await database.ExecuteAsync("CREATE TRIGGER refused BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'refused'); END");
        var failed = await api.PostAsync(messages, new { content = "go", stream = true });
        Assert.Contains("\"content\":", failed.Text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", failed.Text, StringComparison.Ordinal);
        Assert.Contains("event: error\ndata: {\"code\":\"INTERNAL_ERROR\"", failed.Text, StringComparison.Ordinal);

        // Without waiting: the caller may ask for the messages as soon as the stream has ended.
        await database.ExecuteAsync("DROP TRIGGER refused");
        var stored = await api.PostAsync(messages, new { content = "go", stream = true });
        Assert.EndsWith("data: [DONE]\n\n", stored.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("event: error", stored.Text, StringComparison.Ordinal);
        Assert.Equal(2, (await api.GetAsync(messages)).Ok()["items"]!.AsArray().Count);
    }
}
