using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class BudgetTests
{
    private const string Path = "/v1/accounting/budgets";
    private const string Echo = "scailabs/echo";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BudgetsOfEveryAction_DoWhatTheySay(bool embedded)
    {
        await using var grid = embedded ? await SmallGrid.StartEmbeddedAsync() : await SmallGrid.StartAsync(replicas: 1);
        var me = (await grid.Admin.GetAsync("/v1/me")).Ok();
        var (slug, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 1000, CompletionTokens = 500, CachedTokens = 400 }, inputPrice: "100", outputPrice: "1000");

        // Each call costs 0.1 for the prompt and 0.5 for the completion.
        var block = await CreateAsync(grid.Admin, new { scope = "user", scope_id = (string)me["user"]!["id"]!, period = "daily", cost_limit = "1.3", name = "Zoë" });
        var notify = await CreateAsync(grid.Admin, new { scope = "tenant", period = "monthly", request_limit = 1, hard_action = "notify" });
        (await ChatAsync(grid.Admin, slug)).Ok();
        await SettledAsync(grid.Admin, block, used: 1);
        (await ChatAsync(grid.Admin, slug)).Ok();
        var state = await SettledAsync(grid.Admin, block, used: 2);
        Assert.Equal("1.2", (string?)state["usage"]!["cost"]);
        Assert.Equal(3000, (int)state["usage"]!["tokens"]!);
        Assert.Equal("soft", (string?)state["state"]);
        (await ChatAsync(grid.Admin, slug)).Error(429, "BUDGET_EXCEEDED");
        (await ChatAsync(grid.Admin, slug, "/oai/v1/chat/completions")).OpenAiError(429, "budget_exceeded");
        Assert.Equal("blocked", (string?)(await GetAsync(grid.Admin, block))["state"]);
        Assert.Equal("blocked", (string?)(await GetAsync(grid.Admin, notify))["state"]);

        // A higher limit takes effect immediately.
        (await grid.Admin.PutAsync($"{Path}/{block}", new { cost_limit = "100", token_limit = 1_000_000 })).Ok();
        Assert.Equal("ok", (string?)(await GetAsync(grid.Admin, block))["state"]);
        (await ChatAsync(grid.Admin, slug)).Ok();
        (await grid.Admin.PutAsync($"{Path}/{block}", new { cost_limit = (string?)null, token_limit = (int?)null, request_limit = 3, hard_action = "throttle" })).Ok();
        await SettledAsync(grid.Admin, block, used: 3);
        (await ChatAsync(grid.Admin, slug)).Ok();
        Assert.InRange((int)(await ChatAsync(grid.Admin, slug)).Error(429, "RATE_LIMITED")["retry_after"]!, 1, 10);

        Assert.Equal(204, (int)(await grid.Admin.DeleteAsync($"{Path}/{block}")).Status);
        (await grid.Admin.GetAsync($"{Path}/{block}")).Error(404, "NOT_FOUND");

        // Replicas that do not know of the deletion yet continue to count.
        if (grid.Redis is { } server)
        {
            await using var redis = await RedisStatements.ConnectAsync(server);
            var key = redis.GetServers().Single().Keys(pattern: $"*{block}*").First();
            Assert.InRange((await redis.GetDatabase().KeyTimeToLiveAsync(key))!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        }

        (await ChatAsync(grid.Admin, slug)).Ok();
        Assert.Equal([notify], (await grid.Admin.GetAsync(Path)).Ok()["items"]!.AsArray().Select(item => (string)item!["id"]!));
    }

    [Fact]
    public async Task Use_IsMadeFromTheDatabase_ForNewBudgetsAndAfterALossOfRedis()
    {
        await using var grid = await SmallGrid.StartAsync(withWorker: true);
        var (slug, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 1000, CompletionTokens = 500 }, inputPrice: "100", outputPrice: "1000");
        (await ChatAsync(grid.Admin, slug)).Ok();
        (await ChatAsync(grid.Admin, slug)).Ok();
        await grid.Admin.UsageAsync(slug, 2);
        var budget = await CreateAsync(grid.Admin, new { scope = "partner", period = "weekly", cost_limit = "3" });
        Assert.Equal("1.2", (string?)(await GetAsync(grid.Admin, budget))["usage"]!["cost"]);
        await grid.CatchUpAsync();
        (await ChatAsync(grid.Admins[1], slug)).Ok();
        await SettledAsync(grid.Admin, budget, used: 3);
        await grid.Admin.UsageAsync(slug, 3);

        await grid.Redis!.EmptyAsync();
        (await ChatAsync(grid.Admins[1], slug)).Ok();
        var state = await SettledAsync(grid.Admin, budget, used: 4);
        Assert.Equal("2.4", (string?)state["usage"]!["cost"]);
        await grid.Admin.UsageAsync(slug, 4);
        await grid.Redis!.EmptyAsync();
        (await ChatAsync(grid.Admin, slug)).Ok();
        await SettledAsync(grid.Admin, budget, used: 5);
        (await ChatAsync(grid.Admin, slug)).Error(429, "BUDGET_EXCEEDED");
    }

    [Fact]
    public async Task CallsOfAnyCost_FailNoOthers()
    {
        const int Calls = 100;
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        var hold = new TaskCompletionSource();
        var (slug, upstreamModel) = await grid.ConnectAsync(new UpstreamScript { Hold = hold.Task }, outputPrice: "1000");
        var notify = await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", cost_limit = "1", hard_action = "notify" });
        await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 10 * Calls });

        // Together the calls could cost more than fits 64 bits.
        var calls = Enumerable.Range(0, Calls).Select(_ => grid.Admin.PostAsync(
            "/v1/inference/chat", new { model = slug, max_tokens = int.MaxValue, n = 128, messages = new[] { new { role = "user", content = "hi" } } })).ToList();
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstreamModel).Count == Calls || calls.Any(call => call.IsCompleted)), "the calls");
        hold.SetResult();
        Assert.All(await Task.WhenAll(calls), answer => answer.Ok());

        // Only a call that could exceed this range is refused.
        await SettledAsync(grid.Admin, notify, used: Calls);
        await using var redis = await RedisStatements.ConnectAsync(grid.Redis!);
        var key = redis.GetServers().Single().Keys(pattern: $"*{notify}*").First();
        await redis.GetDatabase().HashSetAsync(key, "rc", long.MaxValue);
        (await ChatAsync(grid.Admin, slug)).Error(429, "BUDGET_EXCEEDED");
        await redis.GetDatabase().HashSetAsync(key, "rc", 0);
        (await ChatAsync(grid.Admin, slug)).Ok();
    }

    [Fact]
    public async Task BudgetsThatRedisLost_AreMadeOnce_BeforeTheirFirstCallGoesOn()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        var user = (string)(await grid.Admin.GetAsync("/v1/me")).Ok()["user"]!["id"]!;
        await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 1000 });
        await CreateAsync(grid.Admin, new { scope = "user", scope_id = user, period = "total", request_limit = 1000 });
        await CreateAsync(grid.Admin, new { scope = "partner", period = "total", request_limit = 1000 });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        var before = Made();
        await grid.Redis!.EmptyAsync();
        foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => grid.Admin.ChatAsync(Echo))))
        {
            answer.Ok();
        }

        await Poll.UntilAsync(() => Task.FromResult(Made() >= before + 3), "the budgets in the log");
        Assert.Equal(before + 3, Made());

        int Made() => grid.Apis[0].Output.Split('\n').Count(line => line.Contains("\"budget_seeded\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task LimitsThatAreReached_AreToldOnce()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        await using var grid = await SmallGrid.StartAsync(replicas: 1, withWorker: true, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_WEBHOOK_ALLOW_HTTP"] = "true",
            ["SCAIGRID_WEBHOOK_ALLOW_PRIVATE"] = "true",
        });
        (await grid.Admin.PostAsync("/v1/webhooks", new { url = receiver.UrlOf("budgets"), events = new[] { "budget.*" } })).Created();
        var soft = await CreateAsync(grid.Admin, new { scope = "tenant", period = "monthly", request_limit = 4, soft_limit_pct = 0.5 });
        var hard = await CreateAsync(grid.Admin, new { scope = "partner", period = "total", request_limit = 2, hard_action = "notify" });
        await CreateAsync(grid.Admin, new { scope = "tenant", period = "weekly", token_limit = 100_000 });
        for (var i = 0; i < 3; i++)
        {
            (await grid.Admin.ChatAsync(Echo)).Ok();
        }

        // A call that needs more than is left of a budget does not use the budget up.
        var (large, _) = await grid.ConnectAsync(new UpstreamScript());
        (await grid.Admin.PostAsync(
            "/v1/inference/chat", new { model = large, max_tokens = 99_999, messages = new[] { new { role = "user", content = "hi" } } })).Error(429, "BUDGET_EXCEEDED");
        await Poll.UntilAsync(() => Task.FromResult(receiver.CountOf("budgets") >= 3), "the events");
        var events = receiver.Of("budgets").Select(happened => $"{happened.Type} {(string)happened.Json["payload"]!["budget_id"]!}").Order(StringComparer.Ordinal);
        Assert.Equal(
            [$"budget.hard_limit_reached {hard}", .. new[] { $"budget.soft_limit_reached {hard}", $"budget.soft_limit_reached {soft}" }.Order(StringComparer.Ordinal)], events);

        // The worker's next checks report nothing twice. One event comes from the fourth call, and two from a new budget that is already used up.
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await Poll.UntilAsync(() => Task.FromResult(receiver.CountOf("budgets") >= 4), "the fourth call's event");
        var late = (string)(await grid.Admin.PostAsync(Path, new { scope = "tenant", period = "total", request_limit = 1, hard_action = "notify" })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(receiver.Of("budgets").Count(happened => (string?)happened.Json["payload"]!["budget_id"] == late) >= 2), "the new budget's events");
        Assert.Equal(6, receiver.CountOf("budgets"));
    }

    [Fact]
    [Trait("lane", "long")]
    public async Task ReservationsOfADeadReplica_AreGivenBack_WithinTwoMinutes()
    {
        await using var grid = await SmallGrid.StartAsync();
        var hold = new TaskCompletionSource();
        var (slug, upstreamModel) = await grid.ConnectAsync(new UpstreamScript { Hold = hold.Task });
        var budget = await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 1 });
        await Poll.UntilAsync(async () => (int)(await grid.Admins[1].GetAsync($"{Path}/{budget}")).Status == 200, "the budget");
        var doomed = grid.Admin.ChatAsync(slug);
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstreamModel).Count == 1), "the call");
        (await grid.Admins[1].ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
        await grid.Apis[0].KillAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => doomed);
        for (var i = 0; i < 120 && (int)(await grid.Admins[1].ChatAsync(Echo)).Status != 200; i++)
        {
            await Task.Delay(1000);
        }

        Assert.Equal("1", (await SettledAsync(grid.Admins[1], budget, used: 1))["usage"]!["requests"]!.ToString());
        hold.SetResult();
    }

    /// <summary>A replica on the same data folder takes over the journal. There is no time at which the stream is neither reserved nor counted.</summary>
    [Theory]
    [InlineData("tenant", false)]
    [InlineData("partner", true)]
    public async Task StreamOfADeadReplica_CountsWhenItsJournalIsTakenOver(string scope, bool onCluster)
    {
        await using var grid = await SmallGrid.StartAsync(onCluster: onCluster);
        var script = new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 2000)], ChunkDelay = TimeSpan.FromMilliseconds(15) };
        var (slug, _) = await grid.ConnectAsync(script, outputPrice: "1000");
        var budget = await CreateAsync(grid.Admin, new { scope, period = "total", cost_limit = "100" });
        await Poll.UntilAsync(async () => (int)(await grid.Admins[1].GetAsync($"{Path}/{budget}")).Status == 200, "the budget");
        using (var stream = await grid.Admin.StreamAsync(slug))
        {
            // Two seconds: a longer stream leaves a note of its use each second.
            for (var chunk = 0; chunk < 150; chunk++)
            {
                Assert.NotNull(await stream.NextAsync());
            }

            await grid.Apis[0].KillAsync();
        }

        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = await GetAsync(grid.Admins[1], budget);
                Assert.Equal(1, (int)state["usage"]!["requests"]! + (int)state["reserved"]!["requests"]!);
                return (int)state["usage"]!["requests"]! == 1;
            },
            "the stream to count",
            TimeSpan.FromMinutes(2));
        Assert.InRange((int)state["usage"]!["tokens"]!, 20, 2000);
        Assert.InRange(decimal.Parse((string)state["usage"]!["cost"]!, System.Globalization.CultureInfo.InvariantCulture), 0.02m, 2m);
        Assert.Equal("0", (string?)state["reserved"]!["cost"]);
    }

    /// <summary>As after the death of a Redis that had not written its last second to disk.</summary>
    [Theory]
    [Trait("lane", "long")]
    [InlineData("tenant")]
    [InlineData("partner")]
    public async Task SettlementThatRedisForgot_IsCountedWithinFiveMinutes(string scope)
    {
        // With a limit for the tenant, a reservation in its partner's budget belongs to the tenant as well.
        await using var grid = await SmallGrid.StartAsync(
            replicas: 1, withWorker: true, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_TENANT_RPM"] = "100000" });
        var hold = new TaskCompletionSource();
        var (slug, upstreamModel) = await grid.ConnectAsync(new UpstreamScript { Hold = hold.Task, PromptTokens = 1000, CompletionTokens = 500 }, inputPrice: "100", outputPrice: "1000");
        var budget = await CreateAsync(grid.Admin, new { scope, period = "total", request_limit = 2 });
        await grid.CatchUpAsync();
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await SettledAsync(grid.Admin, budget, used: 1);
        var call = ChatAsync(grid.Admin, slug);
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstreamModel).Count == 1), "the call");
        var before = await grid.Redis!.RememberAsync("scaigrid:budget:*", "scaigrid:admission:*:open");
        hold.SetResult();
        (await call).Ok();
        await SettledAsync(grid.Admin, budget, used: 2);
        await before.RestoreAsync();
        var forgotten = await GetAsync(grid.Admin, budget);
        Assert.Equal((1, 1), ((int)forgotten["usage"]!["requests"]!, (int)forgotten["reserved"]!["requests"]!));

        // The reservation that still exists keeps the budget from being exceeded.
        (await grid.Admin.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
        var took = await Poll.UntilAsync(
            async () => (int)(await GetAsync(grid.Admin, budget))["usage"]!["requests"]! == 2, "the forgotten call to count", TimeSpan.FromMinutes(6));
        TestContext.Current.TestOutputHelper?.WriteLine($"corrected after {took.TotalSeconds:F0} s");
        Assert.True(took < TimeSpan.FromMinutes(5), $"It took {took}.");
        Assert.Equal("0.6000013", (string?)(await SettledAsync(grid.Admin, budget, used: 2))["usage"]!["cost"]);
        (await grid.Admin.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
    }

    /// <summary>Nothing is recorded of a call that used nothing: only its process knows that it has ended.</summary>
    [Fact]
    [Trait("lane", "long")]
    public async Task ReleaseThatRedisForgot_IsRepeatedWithinTwelveMinutes()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["DISPATCH_STREAM_TIMEOUT_S"] = "3600" });
        var hold = new TaskCompletionSource();
        var (slug, upstreamModel) = await grid.ConnectAsync(new UpstreamScript { Hold = hold.Task, Status = 400 });
        var (running, _) = await grid.ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 1000)], ChunkDelay = TimeSpan.FromSeconds(2) });
        var budget = await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 2 });
        var refused = grid.Admin.ChatAsync(slug);
        using var stream = await grid.Admin.StreamAsync(running);
        var reading = stream.AllAsync();
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstreamModel).Count == 1), "the call");
        var before = await grid.Redis!.RememberAsync("scaigrid:budget:*", "scaigrid:admission:*:open");
        hold.SetResult();
        Assert.Equal(422, (int)(await refused).Status);
        await ReservedAsync(grid.Admin, budget, calls: 1, TimeSpan.FromSeconds(10));
        await before.RestoreAsync();
        Assert.Equal(2, (int)(await GetAsync(grid.Admin, budget))["reserved"]!["requests"]!);
        (await grid.Admin.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");
        await ReservedAsync(grid.Admin, budget, calls: 1, TimeSpan.FromMinutes(12));
        (await grid.Admin.ChatAsync(Echo)).Ok();
        Assert.False(reading.IsCompleted);
    }

    [Fact]
    public async Task RedisAway_ABlockingBudgetRefuses()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1);
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await CreateAsync(grid.Admin, new { scope = "tenant", period = "total", request_limit = 100 });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await grid.Redis!.KillAsync();
        (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");
        await grid.Redis.RestartAsync();
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 200, "Redis to be used again");
    }

    private static Task<Answer> ChatAsync(ApiDriver admin, string slug, string path = "/v1/inference/chat") => admin.PostAsync(
        path, new { model = slug, max_tokens = 500, messages = new[] { new { role = "user", content = "hi" } } });

    private static async Task<string> CreateAsync(ApiDriver admin, object body)
    {
        var budget = (await admin.PostAsync(Path, body)).Created();
        Assert.Equal("ok", (string?)budget["state"]);
        return (string)budget["id"]!;
    }

    private static async Task<JsonNode> GetAsync(ApiDriver admin, string id) => (await admin.GetAsync($"{Path}/{id}")).Ok();

    private static Task<TimeSpan> ReservedAsync(ApiDriver admin, string id, int calls, TimeSpan within) => Poll.UntilAsync(
        async () => (int)(await GetAsync(admin, id))["reserved"]!["requests"]! == calls, $"{calls} reserved calls", within);

    private static async Task<JsonNode> SettledAsync(ApiDriver admin, string id, int used)
    {
        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = await GetAsync(admin, id);
                return (int)state["reserved"]!["requests"]! == 0 && (int)state["usage"]!["requests"]! == used;
            },
            $"{used} settled calls");
        Assert.Equal("0", (string?)state["reserved"]!["cost"]);
        Assert.Equal(0, (int)state["reserved"]!["tokens"]!);
        return state;
    }
}
