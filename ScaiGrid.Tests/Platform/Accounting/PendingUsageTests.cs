using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

/// <summary>Without a worker usage stays in Redis. The summary includes it nevertheless.</summary>
[Trait("needs", "services")]
public sealed class PendingUsageTests
{
    [Fact]
    public async Task SummaryIncludes_WhatIsNotFlushedYet()
    {
        await using var redis = await RedisServer.StartAsync();
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = $"sqlite://{folder.File("grid.db")}",
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
        };
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var api = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        for (var i = 0; i < 3; i++)
        {
            (await admin.ChatAsync("scailabs/echo")).Ok();
        }

        await Poll.UntilAsync(async () => await CountAsync(admin) == 3, "the calls in the summary");
        var pending = (await SummaryAsync(admin)).Text;
        Assert.Empty((await admin.GetAsync("/v1/accounting/usage")).Ok()["items"]!.AsArray());

        await using var worker = await Replica.StartAsync(Mode.Worker, settings);
        Assert.Equal(3, (await admin.UsageAsync("scailabs/echo", 3)).Count);
        Assert.Equal(pending, (await SummaryAsync(admin)).Text);
    }

    private static Task<Answer> SummaryAsync(ApiDriver admin) => admin.GetAsync("/v1/accounting/usage/summary?group_by=backend");

    private static async Task<int> CountAsync(ApiDriver admin)
    {
        var sums = (await SummaryAsync(admin)).Ok().AsArray();
        return sums.Count == 0 ? 0 : (int)sums[0]!["request_count"]!;
    }
}
