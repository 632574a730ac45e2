using System.Diagnostics;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference.Admission;

/// <summary>Admission's own connection to Redis, with faults of the connection and of the server.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class AdmissionLineTests
{
    private const string Path = "/v1/accounting/budgets";
    private const string Echo = "scailabs/echo";

    [Fact]
    public async Task UserAndDatabase_AreThoseOfTheAddress()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.AddUserAsync("grid", "p@ss");
        await using var proxy = new RedisProxy(redis.Url);
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_REDIS_URL"] = $"redis://grid:p%40ss@{proxy.Authority}/3",
        });
        (await grid.Admin.PostAsync(Path, new { name = "all", scope = "tenant", period = "total", request_limit = 1000 })).Created();
        await Poll.UntilAsync(
            async () =>
            {
                (await grid.Admin.ChatAsync(Echo)).Ok();
                return proxy.OwnRuns > 0;
            },
            "a run over admission's own connection");
        Assert.NotEqual(0, await redis.CountKeysAsync(3));
        Assert.Equal(0, await redis.CountKeysAsync(0));
    }

    [Fact]
    public async Task ByTls_IsAConnectionOfItsOwnToo()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_REDIS_URL"] = redis.SecureUrl,
            [redis.Trust.Name] = redis.Trust.Value,
        });
        var budget = (string)(await grid.Admin.PostAsync(Path, new { name = "all", scope = "tenant", period = "total", request_limit = 100_000 })).Created()["id"]!;
        var calls = 0;
        await Poll.UntilAsync(
            async () =>
            {
                await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (await grid.Admin.ChatAsync(Echo)).Ok()));
                calls += 20;

                // Only the connections of the shared client have names.
                return (await redis.ClientsAsync()).Any(client => client.Contains(" name= ", StringComparison.Ordinal) && client.Contains(" cmd=evalsha", StringComparison.Ordinal));
            },
            "a run over admission's own connection");
        await Poll.UntilAsync(
            async () => (await grid.Admin.GetAsync($"{Path}/{budget}")).Ok() is var state
                && (int)state["usage"]!["requests"]! == calls && (int)state["reserved"]!["requests"]! == 0,
            "the budget to have counted each call once");
    }

    [Fact]
    public async Task WhateverHappensToAnAnswer_CallsCountOnce_AndNothingStaysReserved()
    {
        await using var redis = await RedisServer.StartAsync("no");
        await using var proxy = new RedisProxy(redis.Url);
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_REDIS_URL"] = proxy.Url,
            ["SCAIGRID_REDIS_TIMEOUT_S"] = "5",
        });
        var budget = (string)(await grid.Admin.PostAsync(Path, new { name = "all", scope = "tenant", period = "total", request_limit = 1000 })).Created()["id"]!;
        var answered = 0;
        await OwnAsync();

        // If the server does not know the script's hash, the script itself is sent.
        await redis.ForgetScriptsAsync();
        await CallAsync();

        proxy.Fault = RedisFault.Fragments;
        for (var i = 0; i < 3; i++)
        {
            await CallAsync();
        }

        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => (await grid.Admin.ChatAsync(Echo)).Ok()));
        answered += 20;

        // Without an answer from Redis, a call under a blocking budget is refused. What it may have reserved is returned.
        await RefusedAsync(RedisFault.Cut);
        var asked = Stopwatch.GetTimestamp();
        await RefusedAsync(RedisFault.Stall);
        Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(60));

        foreach (var refusal in (string[])["BUSY Redis is busy running a script.", "LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.", "OOM command not allowed"])
        {
            proxy.Refusal = refusal;
            await RefusedAsync(RedisFault.Refuse);
        }

        // Polled, because a call that uses a prefetched ticket sends no question.
        (proxy.Refusal, proxy.Fault) = ("NOSCRIPT No matching script.", RedisFault.Refuse);
        await Poll.UntilAsync(
            async () =>
            {
                await CallAsync();
                return proxy.Fault == RedisFault.None;
            },
            "a run of a script that the server does not know");

        await redis.KillAsync();
        await Poll.UntilAsync(IsRefusedAsync, "a refusal without Redis");
        await redis.RestartAsync();
        await OwnAsync();

        await Poll.UntilAsync(
            async () => (await grid.Admin.GetAsync($"{Path}/{budget}")).Ok() is var state
                && (int)state["usage"]!["requests"]! == answered && (int)state["reserved"]!["requests"]! == 0,
            "the budget to have counted each call once");

        async Task RefusedAsync(RedisFault fault)
        {
            await Poll.UntilAsync(
                () =>
                {
                    // Set for each attempt, because it may hit a prefetch, while the call itself has a ticket. Then a later call fails.
                    proxy.Fault = fault;
                    return IsRefusedAsync();
                },
                $"a refusal for {fault}");
            proxy.Fault = RedisFault.None;
            await OwnAsync();
        }

        async Task<bool> IsRefusedAsync()
        {
            var answer = await grid.Admin.ChatAsync(Echo);
            if ((int)answer.Status == 200)
            {
                answered++;
                return false;
            }

            answer.Error(503, "SERVICE_UNAVAILABLE");
            return true;
        }

        async Task CallAsync()
        {
            (await grid.Admin.ChatAsync(Echo)).Ok();
            answered++;
        }

        // Waits until admission's own connection is used again; until then the shared client is. That connection may carry a settlement while calls are still
        // refused shortly after a failure, so a call must succeed as well.
        async Task OwnAsync()
        {
            var before = proxy.OwnRuns;
            await Poll.UntilAsync(async () => !await IsRefusedAsync() && proxy.OwnRuns > before, "a call that is answered, and a run over admission's own connection");
        }
    }
}
