using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.RateLimits;

[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class RateLimitTests
{
    private const string Echo = "scailabs/echo";

    [Fact]
    public async Task LimitHolds_OverReplicasAndKeys_AndIsShown()
    {
        await using var grid = await SmallGrid.StartAsync(settings: new Dictionary<string, string>
        {
            ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = "10",
            ["SCAIGRID_RATE_LIMIT_USER_RPM"] = "15",
        });
        var first = await grid.Admin.ChatAsync(Echo);
        first.Ok();
        Assert.Equal("10", first.Headers["X-Scaigrid-Ratelimit-Limit"]);
        Assert.Equal("9", first.Headers["X-Scaigrid-Ratelimit-Remaining"]);
        Assert.InRange(long.Parse(first.Headers["X-Scaigrid-Ratelimit-Reset"], CultureInfo.InvariantCulture) - TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 30, 62);
        Assert.Equal("8", (await grid.Admins[1].ChatAsync(Echo, path: "/oai/v1/chat/completions")).Headers["x-ratelimit-remaining-requests"]);

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => grid.Admins[i % 2].ChatAsync(Echo)));
        Assert.Equal(8, answers.Count(answer => (int)answer.Status == 200));
        var refused = answers.First(answer => (int)answer.Status != 200);
        Assert.InRange((int)refused.Error(429, "RATE_LIMITED")["retry_after"]!, 1, 61);
        Assert.Equal(refused.Headers["Retry-After"], refused.Error(429, "RATE_LIMITED")["retry_after"]!.ToString());
        Assert.Equal("0", refused.Headers["X-Scaigrid-Ratelimit-Remaining"]);
        var refusedThere = await grid.Admin.ChatAsync(Echo, path: "/oai/v1/chat/completions");
        Assert.Equal("10", refusedThere.Headers["x-ratelimit-limit-requests"]);
        Assert.True(refusedThere.Headers.ContainsKey("Retry-After") && !refusedThere.Headers.ContainsKey("x-should-retry"));
        foreach (var (path, body) in new[] { ("/oai/v1/responses", new { model = Echo, input = "hi" } as object), ("/oai/v1/completions", new { model = Echo, prompt = "hi" }) })
        {
            var answer = await grid.Admin.PostAsync(path, body);
            Assert.Equal(("10", "0"), (answer.Headers["x-ratelimit-limit-requests"], answer.Headers["x-ratelimit-remaining-requests"]));
        }

        // Another key of the same user is limited by what the user has left. Calls of unknown models count as well.
        var (_, key) = await grid.Admin.CreateKeyAsync();
        using var other = grid.Admin.As(key);
        Assert.Equal("4", (await other.ChatAsync(Echo)).Headers["X-Scaigrid-Ratelimit-Remaining"]);
        for (var i = 0; i < 4; i++)
        {
            (await other.ChatAsync("no/such-model")).Error(404, "MODEL_NOT_FOUND");
        }

        (await other.ChatAsync("no/such-model")).Error(429, "RATE_LIMITED");

        // Control-plane calls do not count.
        (await other.GetAsync("/v1/me")).Ok();
    }

    [Fact]
    public async Task TenantsOwnLimits_ReplaceTheInstallations()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = "1" });
        var me = (await grid.Admin.GetAsync("/v1/me")).Ok();
        var (tenant, partner) = ((string)me["tenant"]!["id"]!, (string)me["partner"]!["id"]!);
        (await grid.Admin.ChatAsync(Echo)).Ok();
        (await grid.Admin.ChatAsync(Echo)).Error(429, "RATE_LIMITED");

        var limits = (await grid.Admin.PutAsync($"/v1/tenants/{tenant}/rate-limits", new { key = new { requests_per_minute = 5 }, tenant = new { requests_per_minute = 3 } })).Ok();
        Assert.Equal("""{"requests_per_minute":5,"tokens_per_minute":0,"is_own":true}""", limits["key"]!.ToJsonString());
        Assert.Equal("""{"requests_per_minute":0,"tokens_per_minute":0,"is_own":false}""", limits["user"]!.ToJsonString());
        Assert.Equal(limits.ToJsonString(), (await grid.Admin.GetAsync($"/v1/tenants/{tenant}/rate-limits")).Ok().ToJsonString());

        // The tenant had no limit before, so its window was not counted.
        Assert.Equal("2", (await grid.Admin.ChatAsync(Echo)).Headers["X-Scaigrid-Ratelimit-Remaining"]);
        (await grid.Admin.PutAsync($"/v1/partners/{partner}/rate-limits", new { partner = new { requests_per_minute = 1 } })).Ok();
        (await grid.Admin.ChatAsync(Echo)).Ok();
        (await grid.Admin.ChatAsync(Echo)).Error(429, "RATE_LIMITED");

        (await grid.Admin.PutAsync($"/v1/tenants/{tenant}/rate-limits", new { key = new { requests_per_minute = -1 } })).Invalid("key.requests_per_minute");
        (await grid.Admin.GetAsync("/v1/tenants/tnt_none/rate-limits")).Error(404, "NOT_FOUND");
        (await grid.Admin.PutAsync("/v1/partners/prt_none/rate-limits", new { })).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task TokenLimit_CountsWhatWasUsed_OnceItIsKnown()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_TPM"] = "3000" });
        var (slug, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 400, CompletionTokens = 100 });
        for (var used = 500; used <= 2000; used += 500)
        {
            // Reserved tokens that were not used are returned when the call is settled.
            await Poll.UntilAsync(async () => (int)(await ChatAsync(grid.Admin, slug)).Status == 200, "room for another call");
        }

        var answer = await ChatAsync(grid.Admin, slug);
        Assert.Equal("3000", answer.Headers["X-Scaigrid-Ratelimit-Limit"]);
        answer.Ok();
        await Poll.UntilAsync(async () => (int)(await ChatAsync(grid.Admin, slug)).Status == 429, "the limit of tokens");
    }

    /// <summary>The size of a recording tells nothing about its tokens, so nothing is reserved for it.</summary>
    [Fact]
    public async Task TokenLimit_CountsTranscripts()
    {
        const string Body = """{"text":"x","usage":{"type":"tokens","input_tokens":80,"output_tokens":40,"total_tokens":120}}""";
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_TPM"] = "100" });
        var (slug, _) = await grid.ConnectAsync(new UpstreamScript { Body = Body }, modelFields: new { modality = "audio" });
        (await TranscribeAsync()).Ok();
        Answer? refused = null;
        await Poll.UntilAsync(async () => (int)(refused = await TranscribeAsync()).Status == 429, "the limit of tokens");
        Assert.Contains("token", (string)refused!.Error(429, "RATE_LIMITED")["message"]!, StringComparison.Ordinal);

        Task<Answer> TranscribeAsync() => grid.Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1, 2], ("model", slug));
    }

    /// <summary>A few tokens that expire early make no room for a large call.</summary>
    [Fact]
    public async Task TokenLimit_SaysWhenTheCallFits()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_TPM"] = "1500" });
        var (few, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 10, CompletionTokens = 10 });
        var (many, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 500, CompletionTokens = 400 });
        (await ChatAsync(grid.Admin, few)).Ok();
        await Task.Delay(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        (await ChatAsync(grid.Admin, many)).Ok();
        Answer? refused = null;
        await Poll.UntilAsync(async () => (int)(refused = await ChatAsync(grid.Admin, many)).Status == 429, "the limit of tokens");
        Assert.InRange((int)refused!.Error(429, "RATE_LIMITED")["retry_after"]!, 53, 61);
    }

    [Fact]
    public async Task AddressWithoutValidKey_IsLimited()
    {
        await using var grid = await SmallGrid.StartAsync(settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_ADDRESS_RPM"] = "5" });
        using var one = grid.Admin.As("sgk_wrong-key-0123456789abcdefghijklmnopqrstuv");
        using var other = grid.Admins[1].As(null);
        for (var i = 0; i < 5; i++)
        {
            var answer = await (i % 2 == 0 ? one : other).GetAsync("/v1/me");
            Assert.Equal(401, (int)answer.Status);
        }

        (await one.GetAsync("/v1/me")).Error(429, "RATE_LIMITED");
        (await other.ChatAsync(Echo, path: "/oai/v1/chat/completions")).OpenAiError(429, "rate_limited");
        Assert.Equal(200, (int)(await one.GetAsync("/health")).Status);
        (await grid.Admin.GetAsync("/v1/me")).Ok();
    }

    [Fact]
    public async Task AddressWithoutValidKey_IsLimitedOverGrpc_InTheSameWindow()
    {
        await using var grid = await SmallGrid.StartAsync(
            replicas: 1, withGrpc: true, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_ADDRESS_RPM"] = "4" });
        const string wrong = "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv";
        using var stranger = grid.Admin.As(wrong);
        (await stranger.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        foreach (var (key, code) in new[] { (wrong, "AUTH_TOKEN_INVALID"), (null, "AUTH_TOKEN_MISSING"), ("a-service-token-that-nobody-was-given", "SERVICE_TOKEN_INVALID") })
        {
            Assert.Equal((StatusCode.Unauthenticated, code), await ListAsync(key));
        }

        Assert.Equal((StatusCode.ResourceExhausted, "RATE_LIMITED"), await ListAsync(wrong));
        (await stranger.GetAsync("/v1/me")).Error(429, "RATE_LIMITED");
        Assert.Equal((StatusCode.OK, null), await ListAsync(Secrets.AdminKey));

        async Task<(StatusCode Status, string? Code)> ListAsync(string? key)
        {
            using var channel = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
            try
            {
                await new InferenceService.InferenceServiceClient(channel).ListModelsAsync(
                    new ListModelsRequest(), key is null ? [] : new Metadata { { "authorization", $"Bearer {key}" } });
                return (StatusCode.OK, null);
            }
            catch (RpcException exception)
            {
                Assert.Equal(exception.StatusCode == StatusCode.ResourceExhausted, exception.Trailers.GetValue("retry-after") is not null);
                return (exception.StatusCode, exception.Trailers.GetValue("scaigrid-error-code"));
            }
        }
    }

    [Fact]
    public async Task OpenStreamsOfGrpc_AreLimitedByAddress_AndProbesAreNot()
    {
        await using var grid = await SmallGrid.StartAsync(
            replicas: 1, withGrpc: true, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_ADDRESS_RPM"] = "2" });
        using var channel = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
        var health = new Health.HealthClient(channel);
        var reflection = new ServerReflection.ServerReflectionClient(channel);
        using var watch = health.Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal("", await ReflectAsync());
        Assert.Equal("RATE_LIMITED", await ReflectAsync());
        for (var i = 0; i < 3; i++)
        {
            await health.CheckAsync(new HealthCheckRequest());
        }

        async Task<string> ReflectAsync()
        {
            using var call = reflection.ServerReflectionInfo();
            try
            {
                await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
                Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
                return "";
            }
            catch (RpcException exception) when (exception.StatusCode == StatusCode.ResourceExhausted)
            {
                return exception.Trailers.GetValue("scaigrid-error-code") ?? "?";
            }
        }
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task RedisAway_LimitsLocallyOrRefuses(string failClosed)
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string>
        {
            ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = "4",
            ["SCAIGRID_RATE_LIMIT_FAIL_CLOSED"] = failClosed,
        });
        (await grid.Admin.ChatAsync(Echo)).Ok();
        await grid.Redis!.KillAsync();
        if (failClosed == "true")
        {
            (await grid.Admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");
        }
        else
        {
            for (var i = 0; i < 4; i++)
            {
                (await grid.Admin.ChatAsync(Echo)).Ok();
            }

            (await grid.Admin.ChatAsync(Echo)).Error(429, "RATE_LIMITED");
        }

        await grid.Redis.RestartAsync();
        await Poll.UntilAsync(async () => (int)(await grid.Admin.ChatAsync(Echo)).Status == 200, "Redis to be used again");
    }

    /// <summary>The second in which a call was counted has left the window when it ends after more than a minute.</summary>
    [Fact]
    [Trait("lane", "long")]
    public async Task TokenLimit_CountsCallsOfMoreThanAMinute()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_TPM"] = "3000" });
        var (slow, _) = await grid.ConnectAsync(new UpstreamScript { PromptTokens = 10, CompletionTokens = 9000, ChunkDelay = TimeSpan.FromSeconds(21) });
        var (fast, _) = await grid.ConnectAsync(new UpstreamScript());
        (await ChatAsync(grid.Admin, fast)).Ok();
        await grid.Admin.PostAsync("/v1/inference/chat", new { model = slow, stream = true, messages = new[] { new { role = "user", content = "hi" } } });
        (await ChatAsync(grid.Admin, fast)).Error(429, "RATE_LIMITED");
    }

    /// <summary>60 a minute on two replicas for three minutes: never more than 60 calls within 60 seconds, and at least 58 a minute.</summary>
    [Fact]
    [Trait("lane", "long")]
    public Task SixtyAMinute_ForThreeMinutes() => HoldsAsync(limit: 60, callers: 4, TimeSpan.FromMilliseconds(100), minutes: 3);

    /// <summary>Enough calls for tickets to be prefetched.</summary>
    [Fact]
    [Trait("lane", "long")]
    public Task ThreeThousandAMinute_FromBusyCallers() => HoldsAsync(limit: 3000, callers: 8, TimeSpan.Zero, minutes: 3);

    private static async Task HoldsAsync(int limit, int callers, TimeSpan pause, int minutes)
    {
        await using var grid = await SmallGrid.StartAsync(settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = $"{limit}" });
        var granted = new ConcurrentBag<(long Sent, long Answered)>();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(async i =>
        {
            while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(minutes))
            {
                var sent = Stopwatch.GetTimestamp();
                if ((int)(await grid.Admins[i % 2].ChatAsync(Echo)).Status == 200)
                {
                    granted.Add((sent, Stopwatch.GetTimestamp()));
                    await Task.Delay(pause);
                }
                else
                {
                    await Task.Delay(100);
                }
            }
        }));

        Assert.InRange(granted.Count, limit * minutes * 58 / 60, limit * (minutes + 1));

        // A call was granted at some time between its request and its response. The test fails only if more calls than the limit were certainly granted
        // within 60 s.
        var calls = granted.ToArray();
        foreach (var (first, _) in calls)
        {
            var within = calls.Count(call => call.Sent >= first && Stopwatch.GetElapsedTime(first, call.Answered) < TimeSpan.FromSeconds(60));
            Assert.True(within <= limit, JsonSerializer.Serialize(granted.Select(call => Stopwatch.GetElapsedTime(started, call.Answered).TotalSeconds).Order()));
        }
    }

    private static Task<Answer> ChatAsync(ApiDriver admin, string slug) => admin.PostAsync(
        "/v1/inference/chat", new { model = slug, max_tokens = 900, messages = new[] { new { role = "user", content = "hi" } } });
}
