using System.Text.Json.Nodes;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>In which period a call's use counts: if its process did not live to settle it, and if the periods were changed while it ran.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class BudgetPeriodTests
{
    private const string Path = "/v1/accounting/budgets";
    private const int Day = 24 * 60;

    /// <summary>The call's settlement still has the old period, which began later than the new one: it must not begin again with an empty budget.</summary>
    [Fact]
    public async Task ChangedPeriods_KeepTheUse_WhenACallThatBeganBeforeIsSettled()
    {
        await using var grid = await SmallGrid.StartAsync();
        var (slug, _) = await grid.ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 300)], ChunkDelay = TimeSpan.FromMilliseconds(15) });
        var id = (string)(await grid.Admin.PostAsync(Path, new { scope = "tenant", period = "daily", cost_limit = "100" })).Created()["id"]!;
        await grid.CatchUpAsync();
        using (var before = await grid.Admin.StreamAsync(slug))
        {
            await before.AllAsync();
        }

        await Poll.UntilAsync(async () => await UsedAsync() == 1, "the first call to count", TimeSpan.FromSeconds(30));
        using (var during = await grid.Admin.StreamAsync(slug))
        {
            Assert.NotNull(await during.NextAsync());
            Assert.Equal(1, (int)(await grid.Admin.PutAsync($"{Path}/{id}", new { period = "total" })).Ok()["usage"]!["requests"]!);
            await during.AllAsync();
        }

        await Poll.UntilAsync(async () => await ReservedAsync() == 0, "the second call to be settled", TimeSpan.FromSeconds(30));
        Assert.Equal(2, await UsedAsync());

        async Task<int> UsedAsync() => (int)(await grid.Admin.GetAsync($"{Path}/{id}")).Ok()["usage"]!["requests"]!;
        async Task<int> ReservedAsync() => (int)(await grid.Admin.GetAsync($"{Path}/{id}")).Ok()["reserved"]!["requests"]!;
    }

    /// <summary>
    /// No test can wait for midnight. Instead, one budget's period in Redis begins a day later, as if the call had ended before midnight, and another's a
    /// day earlier, as if it had ended after midnight, as the first one.
    /// </summary>
    [Fact]
    public async Task StreamOfADeadReplica_CountsInThePeriodOfItsTime()
    {
        await using var grid = await SmallGrid.StartAsync();
        var owner = (string)(await grid.Admin.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        var (slug, _) = await grid.ConnectAsync(
            new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 2000)], ChunkDelay = TimeSpan.FromMilliseconds(15) }, outputPrice: "1000");
        var (all, ended, fresh) = (await CreateAsync("total"), await CreateAsync("daily"), await CreateAsync("daily"));
        await grid.CatchUpAsync();
        using (var stream = await grid.Admin.StreamAsync(slug))
        {
            // Two seconds: a longer stream leaves a note of its use each second.
            for (var chunk = 0; chunk < 150; chunk++)
            {
                Assert.NotNull(await stream.NextAsync());
            }

            await using var redis = await RedisStatements.ConnectAsync(grid.Redis!);
            await redis.GetDatabase().HashIncrementAsync(AdmissionKeys.Budget(owner, ended), "p", Day);
            await redis.GetDatabase().HashDecrementAsync(AdmissionKeys.Budget(owner, fresh), "p", Day);
            await redis.GetDatabase().HashIncrementAsync(AdmissionKeys.Budget(owner, fresh), "n", 5);
            await grid.Apis[0].KillAsync();
        }

        await Poll.UntilAsync(async () => await RequestsAsync(all) == (1, 0), "the stream to count", TimeSpan.FromMinutes(2));
        Assert.Equal((0, 0), await RequestsAsync(ended));
        Assert.Equal((1, 0), await RequestsAsync(fresh));

        async Task<string> CreateAsync(string period) => (string)(await grid.Admin.PostAsync(Path, new { scope = "tenant", period, cost_limit = "100" })).Created()["id"]!;

        async Task<(int Used, int Reserved)> RequestsAsync(string id)
        {
            var state = (await grid.Admins[1].GetAsync($"{Path}/{id}")).Ok();
            return (Of(state["usage"]!), Of(state["reserved"]!));
        }

        static int Of(JsonNode amounts) => (int)amounts["requests"]!;
    }
}
