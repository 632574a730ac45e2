using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Tests.Support;
using StackExchange.Redis;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>So many calls wait in Redis that no sum reads them all, or Redis does not tell them.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class PartlyKnownUseTests
{
    private const string Path = "/v1/accounting/budgets";
    private const string Echo = "scailabs/echo";

    /// <summary>More than a sum reads.</summary>
    private const int Many = 60_000;

    /// <summary>As many as a sum reads, and no more.</summary>
    private const int Few = 49_000;

    [Fact]
    public async Task UnknownUse_OfABudgetThatBlocks_RefusesCallsUntilAllCanBeRead()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        await using var redis = await RedisStatements.ConnectAsync(grid.Redis!);
        var waiting = await FillAsync(grid.Admin, redis);
        var summary = (await grid.Admin.GetAsync("/v1/accounting/usage/summary?group_by=tenant")).Body();
        Assert.InRange((int)summary["data"]![0]!["request_count"]!, Few, Many - 1);
        Assert.False((bool)summary["is_complete"]!);

        // Nobody is refused because of a budget that only notifies.
        var notify = await CreateAsync(grid.Admin, new { scope = "tenant", period = "monthly", request_limit = 10, hard_action = "notify" });
        Assert.False((bool)(await GetAsync(grid.Admin, notify))["usage_is_complete"]!);
        (await grid.Admin.ChatAsync(Echo)).Ok();

        // More calls are waiting than the limit allows, and fewer are read.
        var block = await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 55_000 });
        Assert.False((bool)(await GetAsync(grid.Admin, block))["usage_is_complete"]!);
        (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");

        // A use that was good enough for notifying is not for blocking.
        Assert.Equal(204, (int)(await grid.Admin.DeleteAsync($"{Path}/{block}")).Status);
        (await grid.Admin.ChatAsync(Echo)).Ok();
        (await grid.Admin.PutAsync($"{Path}/{notify}", new { request_limit = 55_000, hard_action = "block" })).Ok();
        (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");

        // As after a flush, but without rows: it is enough that all can be read.
        await redis.GetDatabase().HashDeleteAsync(waiting.Key, waiting.Ids[Few..]);
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 200, "a call to be admitted");
        var state = await GetAsync(grid.Admin, notify);
        Assert.InRange((int)state["usage"]!["requests"]!, Few, Few + 3);
        Assert.True((bool)state["usage_is_complete"]!);
        Assert.True((bool)(await grid.Admin.GetAsync("/v1/accounting/usage/summary")).Body()["is_complete"]!);
        (await grid.Admin.PutAsync($"{Path}/{notify}", new { request_limit = Few })).Ok();
        (await grid.Admin.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
    }

    [Fact]
    public async Task KnownUse_IsNotLoweredToAPart_AndCorrectedWhenAllCanBeRead()
    {
        await using var grid = await SmallGrid.StartAsync(
            replicas: 1, withWorker: true, settings: new Dictionary<string, string> { ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "3600" });
        await Poll.UntilAsync(async () => await FlushedAsync(grid.Admin), "the only flush");
        await using var redis = await RedisStatements.ConnectAsync(grid.Redis!);
        var budget = await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 55_000 });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        var waiting = await FillAsync(grid.Admin, redis);

        // As if the calls had been settled, and the last comparison were long ago.
        var database = redis.GetDatabase();
        var key = redis.GetServers().Single().Keys(pattern: $"*{budget}*").Single();
        var comparedAt = (long)await database.HashGetAsync(key, "m") - 60;
        await database.HashSetAsync(key, [new HashEntry("n", Many), new HashEntry("m", comparedAt)]);

        // The worker looks at budgets every ten seconds.
        for (var i = 0; i < 25; i++)
        {
            (await grid.Admin.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
            await Task.Delay(1000, TestContext.Current.CancellationToken);
        }

        Assert.Equal(Many, (int)(await GetAsync(grid.Admin, budget))["usage"]!["requests"]!);
        await database.HashDeleteAsync(waiting.Key, waiting.Ids[Few..]);
        await Poll.UntilAsync(async () => (int)(await GetAsync(grid.Admin, budget))["usage"]!["requests"]! == Few + 1, "the right use");
        (await grid.Admin.ChatAsync(Echo)).Ok();
    }

    [Fact]
    public async Task RedisThatDoesNotTellWhatWaits_MakesNoUseOfABudgetThatBlocks()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        for (var i = 0; i < 3; i++)
        {
            (await grid.Admin.ChatAsync(Echo)).Ok();
        }

        await WaitsAsync(grid.Admin, calls: 3);
        await grid.Redis!.AllowAsync("hscan", isAllowed: false);
        Assert.False((bool)(await SumAsync(grid.Admin))["is_complete"]!);
        await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 3 });
        (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");
        await grid.Redis!.AllowAsync("hscan", isAllowed: true);
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 429, "the budget to be known");
    }

    [Fact]
    public async Task ChangedPeriods_WhileCallsCannotBeRead_AreKnownOnceTheyCan()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        var budget = await CreateAsync(grid.Admin, new { scope = "tenant", period = "daily", request_limit = 2 });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await WaitsAsync(grid.Admin, calls: 1);
        await grid.Redis!.AllowAsync("hscan", isAllowed: false);
        (await grid.Admin.PutAsync($"{Path}/{budget}", new { period = "total" })).Ok();
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 503, "an unknown use");
        Assert.False((bool)(await GetAsync(grid.Admin, budget))["usage_is_complete"]!);
        await grid.Redis!.AllowAsync("hscan", isAllowed: true);
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 200, "a call to be admitted");
        Assert.True((bool)(await GetAsync(grid.Admin, budget))["usage_is_complete"]!);
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 429, "the limit");
    }

    [Fact]
    public async Task CallsOfAllTenantsOfAPartner_AreTooManyTogether_AndThenNoneIsRead()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        await using var redis = await RedisStatements.ConnectAsync(grid.Redis!);
        var budget = await CreateAsync(grid.Admin, new { scope = "partner", period = "total", request_limit = 55_000 });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        var others = new List<string>();
        for (var i = 0; i < 60; i++)
        {
            others.Add((await FillAsync(grid.Admin, redis, Ids.New(Ids.Tenant, TimeProvider.System), Many / 60)).Key);
        }

        // As if Redis had lost the use.
        await redis.GetDatabase().KeyDeleteAsync(redis.GetServers().Single().Keys(pattern: $"*{budget}*").Single());
        var sent = await SentAsync(redis);
        (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");
        Assert.InRange(await SentAsync(redis) - sent, 0, 3_000_000);

        await redis.GetDatabase().KeyDeleteAsync([.. others[49..].Select(key => (RedisKey)key)]);
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 200, "a call to be admitted");
        Assert.InRange((int)(await GetAsync(grid.Admin, budget))["usage"]!["requests"]!, Few, Few + 3);
    }

    /// <summary>The bytes that Redis has sent.</summary>
    private static async Task<long> SentAsync(ConnectionMultiplexer redis) =>
        long.Parse((await redis.GetServers().Single().InfoAsync("stats")).Single().Single(pair => pair.Key == "total_net_output_bytes").Value, CultureInfo.InvariantCulture);

    /// <summary>Writes calls of two hours ago as they wait in Redis, by default of the caller's tenant.</summary>
    private static async Task<(string Key, RedisValue[] Ids)> FillAsync(ApiDriver admin, ConnectionMultiplexer redis, string? ofTenant = null, int count = Many)
    {
        var me = (await admin.GetAsync("/v1/me")).Ok();
        var tenant = ofTenant ?? (string)me["tenant"]!["id"]!;
        var record = new UsageRecord
        {
            Id = "",
            RequestId = "waiting",
            CreatedAt = (TimeProvider.System.GetUtcNow() - TimeSpan.FromHours(2)).ToUnixTimeMilliseconds() * 1000,
            PartnerId = (string)me["partner"]!["id"]!,
            TenantId = tenant,
            UserId = (string)me["user"]!["id"]!,
            ModelId = "mdl_waiting",
            Model = "waiting/model",
            BackendId = "be_waiting",
            Protocol = "native",
            Status = "ok",
            TokensIn = 3,
            TokensOut = 4,
            Cost = 0,
            BackendCost = 0,
            LatencyMs = 6,
        };
        var entries = Enumerable.Range(0, count).Select(_ => record with { Id = Ids.New(Ids.Usage, TimeProvider.System) })
            .Select(call => new HashEntry(call.Id, JsonSerializer.Serialize(call, UsageJson.Default.UsageRecord))).ToArray();
        var key = $"scaigrid:usage:{{{tenant}}}:pending";
        await redis.GetDatabase().SetAddAsync("scaigrid:usage:tenants", tenant);
        foreach (var batch in entries.Chunk(10_000))
        {
            await redis.GetDatabase().HashSetAsync(key, batch);
        }

        return (key, Array.ConvertAll(entries, entry => entry.Name));
    }

    private static async Task<string> CreateAsync(ApiDriver admin, object body) => (string)(await admin.PostAsync(Path, body)).Created()["id"]!;

    private static async Task<JsonNode> GetAsync(ApiDriver admin, string id) => (await admin.GetAsync($"{Path}/{id}")).Ok();

    private static async Task<JsonNode> SumAsync(ApiDriver admin) => (await admin.GetAsync("/v1/accounting/usage/summary")).Body();

    /// <summary>Without a worker, what a summary shows waits in Redis.</summary>
    private static async Task WaitsAsync(ApiDriver admin, int calls) =>
        await Poll.UntilAsync(async () => (int?)(await SumAsync(admin))["data"]!.AsArray().FirstOrDefault()?["request_count"] == calls, "the calls in Redis");

    private static async Task<bool> FlushedAsync(ApiDriver admin) =>
        (await admin.GetAsync("/health/detailed")).Ok()["scheduled_tasks"]!.AsArray()
            .Any(task => (string?)task!["name"] == "accounting.usage_flush" && (string?)task["last_outcome"] == "ok");
}
