using System.Diagnostics;
using System.Globalization;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference.Admission;

/// <summary>Tickets for a busy caller are prefetched. Limits and budgets stay exact, and unused tickets are returned.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class AheadAdmissionTests
{
    private const string Path = "/v1/accounting/budgets";
    private const string Echo = "scailabs/echo";
    private const string Remaining = "X-Scaigrid-Ratelimit-Remaining";

    /// <summary>
    /// Tickets are prefetched for calls that follow each other within 100 ms, and are valid for as long. On a busy machine this depends on chance.
    /// </summary>
    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task BusyCaller_HoldsTickets_AndWhatItDoesNotUseIsReturned()
    {
        const int Limit = 1_000_000;

        // The tickets of one prefetch, plus half of those of the previous one: the next prefetch starts when half are left.
        const int MostAhead = 256 + 128;
        await using var grid = await SmallGrid.StartAsync(settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = $"{Limit}" });
        var budget = await BudgetAsync(grid, requests: 1_000_000);
        var calls = 0;
        var sent = new Queue<long>();
        await BeBusyAsync();
        await ReturnedAsync(grid.Admin, budget, used: calls);

        // Their places in the rate limit windows are free again, too.
        var left = await CallAsync();
        Assert.InRange(left, Limit - calls, Limit - Recent());

        // A replica that ends returns its tickets itself, and does not leave them to the cleanup after dead replicas.
        await BeBusyAsync();
        Assert.Equal(0, await grid.Apis[0].TerminateAsync());
        await ReturnedAsync(grid.Admins[1], budget, used: calls);

        // Calls until tickets are reserved while no call runs.
        Task BeBusyAsync() => Poll.UntilAsync(
            async () =>
            {
                for (var i = 0; i < 20; i++)
                {
                    await CallAsync();
                }

                return (int)(await grid.Admin.GetAsync($"{Path}/{budget}")).Ok()["reserved"]!["requests"]! > 0;
            },
            "reserved tickets",
            LongPatience);

        // The calls that are certainly in the window of one minute: all of them, unless the machine is very busy.
        int Recent()
        {
            while (sent.TryPeek(out var first) && Stopwatch.GetElapsedTime(first) > TimeSpan.FromSeconds(55))
            {
                sent.Dequeue();
            }

            return sent.Count;
        }

        async Task<int> CallAsync()
        {
            sent.Enqueue(Stopwatch.GetTimestamp());
            var answer = await grid.Admin.ChatAsync(Echo);
            answer.Ok();
            calls++;
            var remaining = int.Parse(answer.Headers[Remaining], CultureInfo.InvariantCulture);
            Assert.InRange(remaining, Limit - calls - MostAhead, Limit - Recent() + MostAhead);
            return remaining;
        }
    }

    [Fact]
    public async Task BusyCallersOfTwoReplicas_UseABudgetUpToItsLastCall()
    {
        const int Room = 1500;
        await using var grid = await SmallGrid.StartAsync();
        var budget = await BudgetAsync(grid, Room);
        var counts = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => UntilRefusedAsync(grid.Admins[i % 2])));
        var used = counts.Sum();
        Assert.InRange(used, Room / 2, Room);
        await ReturnedAsync(grid.Admin, budget, used);
        Assert.Equal(Room, used + await UntilRefusedAsync(grid.Admin));
    }

    [Fact]
    public async Task OnTheEmbeddedStack_EachCallCountsOnce()
    {
        await using var grid = await SmallGrid.StartEmbeddedAsync();
        var budget = await BudgetAsync(grid, requests: 100_000);
        var calls = 0;
        await Poll.UntilAsync(
            async () =>
            {
                await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (await grid.Admin.ChatAsync(Echo)).Ok()));
                calls += 20;
                return (int)(await grid.Admin.GetAsync($"{Path}/{budget}")).Ok()["reserved"]!["requests"]! > 0;
            },
            "reserved tickets",
            LongPatience);
        await ReturnedAsync(grid.Admin, budget, used: calls);
    }

    [Fact]
    public async Task CallsOfOneCaller_ThatWaitTogether_AskAsOne_AndEachCounts()
    {
        const int Burst = 30;
        await using var redis = await RedisServer.StartAsync();
        await using var proxy = new RedisProxy(redis.Url);
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_REDIS_URL"] = proxy.Url,
            ["SCAIGRID_REDIS_TIMEOUT_S"] = "60",
            ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = "1000000",
        });
        var budget = await BudgetAsync(grid, requests: 1_000_000);
        var used = 0;

        // Until then the shared client sends the questions.
        await Poll.UntilAsync(
            async () =>
            {
                (await grid.Admin.ChatAsync(Echo)).Ok();
                used++;
                return proxy.OwnRuns > 0;
            },
            "a run over admission's own connection");
        await ReturnedAsync(grid.Admin, budget, used);
        var (questions, answers) = await BurstAsync();
        Assert.InRange(questions, 2, Burst / 2);
        Assert.All(answers, answer => answer.Ok());

        // Each call reports a different remaining number, except that two may be equal when an earlier call leaves the window.
        Assert.InRange(answers.Select(answer => answer.Headers[Remaining]).Distinct().Count(), Burst - 1, Burst);
        used += Burst;
        await ReturnedAsync(grid.Admin, budget, used);

        // When little room is left, calls are not merged, and the budget is used up to the last call.
        const int Room = 12;
        (await grid.Admin.PutAsync($"{Path}/{budget}", new { request_limit = used + Room })).Ok();
        await grid.CatchUpAsync();
        (_, answers) = await BurstAsync();
        Assert.Equal(Room, answers.Count(answer => (int)answer.Status == 200));
        Assert.All(answers.Where(answer => (int)answer.Status != 200), answer => answer.Error(429, "BUDGET_EXCEEDED"));
        await ReturnedAsync(grid.Admin, budget, used + Room);

        // Holds the answer to the first call, so that all others wait together.
        async Task<(int Questions, Answer[] Answers)> BurstAsync()
        {
            var before = proxy.OwnQuestions;
            proxy.Fault = RedisFault.Hold;
            var calls = Enumerable.Range(0, Burst).Select(_ => grid.Admin.ChatAsync(Echo)).ToList();
            await Poll.UntilAsync(async () => await ActiveAsync(grid) > Burst, "all calls, and the request for the metrics, to be active");
            proxy.Fault = RedisFault.None;
            var answers = await Task.WhenAll(calls);
            return (proxy.OwnQuestions - before, answers);
        }
    }

    private static async Task<int> ActiveAsync(SmallGrid grid) => (await grid.Admin.GetAsync("/metrics")).Text.Split('\n')
        .Where(line => line.StartsWith("http_server_active_requests{", StringComparison.Ordinal))
        .Sum(line => int.Parse(line[(line.LastIndexOf('}') + 2)..].Split(' ')[0], CultureInfo.InvariantCulture));

    private static async Task<string> BudgetAsync(SmallGrid grid, int requests)
    {
        var budget = (await grid.Admin.PostAsync(Path, new { scope = "tenant", period = "total", request_limit = requests, token_limit = 1_000_000_000, cost_limit = "1000000" })).Created();
        await grid.CatchUpAsync();
        return (string)budget["id"]!;
    }

    private static async Task<int> UntilRefusedAsync(ApiDriver admin)
    {
        for (var calls = 0; ; calls++)
        {
            var answer = await admin.ChatAsync(Echo);
            if ((int)answer.Status != 200)
            {
                answer.Error(429, "BUDGET_EXCEEDED");
                return calls;
            }
        }
    }

    private static Task<TimeSpan> ReturnedAsync(ApiDriver admin, string budget, int used) => Poll.UntilAsync(
        async () =>
        {
            var state = (await admin.GetAsync($"{Path}/{budget}")).Ok();
            Assert.InRange((int)state["usage"]!["requests"]!, 0, used);
            return (int)state["usage"]!["requests"]! == used
                && (int)state["reserved"]!["requests"]! == 0 && (string?)state["reserved"]!["cost"] == "0" && (long)state["reserved"]!["tokens"]! == 0;
        },
        "every ticket to be used or returned");
}
