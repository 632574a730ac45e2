using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Models with several backends, some of which fail.</summary>
public sealed class FailoverTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/chat";
    private const string OpenAi = "/oai/v1/chat/completions";

    [Fact]
    public async Task OneDead_OneLimited_OneGood_EveryCallSucceeds_AndTheDeadOneIsProbedClosedWhenItReturns()
    {
        var port = FreePort.Next();
        var limited = Script(new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "120" } });
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{port}/v1", "m"), limited, Script(new UpstreamScript())]);

        for (var i = 0; i < 40; i++)
        {
            var answer = await Admin.ChatAsync(model.Slug);
            var routing = answer.Ok()["routing"]!;
            var failures = routing["failed_attempts"]?.AsArray() ?? [];
            Assert.Equal(model.Backends[2], (string?)routing["backend_id"]);
            Assert.Equal((int)routing["attempts"]!, failures.Count + 1);
            Assert.All(failures, failure => Assert.Equal(
                (string?)failure!["backend_id"] == model.Backends[0] ? "connection_failed" : "rate_limited", (string?)failure["outcome"]));
            Assert.Equal(model.Backends[2], answer.Headers["X-Scaigrid-Backend"]);
            Assert.Equal($"{failures.Count + 1}", answer.Headers["X-Scaigrid-Attempts"]);
        }

        Assert.Equal("open", await model.StateAsync(0));
        Assert.Equal("unhealthy", (string?)(await Admin.GetAsync($"/v1/backends/{model.Backends[0]}")).Ok()["health_status"]);
        Assert.Equal("healthy", (string?)(await Admin.GetAsync($"/v1/backends/{model.Backends[2]}")).Ok()["health_status"]);
        var health = await model.HealthAsync(1);
        Assert.Equal(("unhealthy", "rate_limited"), ((string?)health["status"], (string?)health["circuit"]!["reason"]));
        Assert.InRange((int)health["circuit"]!["retry_after_s"]!, 60, 120);
        Assert.Single(Grid.Upstream.CallsOf(limited.Model));
        var view = (await Admin.GetAsync($"/v1/models/{model.Slug}")).Ok();
        Assert.Equal(("degraded", 1, 3), ((string?)view["health_status"], (int)view["active_backend_count"]!, (int)view["total_backend_count"]!));

        // No more calls from here on: only the worker's probe can close the circuit.
        await using var returned = await FakeUpstream.StartAsync(port);
        returned.Play("m", new UpstreamScript());
        await Poll.UntilAsync(async () => await model.StateAsync(0) == "closed", "the probe of the backend that returned");
        var answers = new HashSet<string>();
        for (var i = 0; i < 40; i++)
        {
            answers.Add((string)(await Admin.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]!);
        }

        Assert.Equal([model.Backends[0], model.Backends[2]], answers.Order(StringComparer.Ordinal));
        var metrics = (await Admin.GetAsync("/metrics")).Text;
        Assert.Matches(Attempts(model.Backends[0], "connection_failed", "[5-9]|[1-9][0-9]+"), metrics);
        Assert.Matches(Attempts(model.Backends[1], "rate_limited", "1"), metrics);
        Assert.Matches(Attempts(model.Backends[2], "ok", "[4-8][0-9]"), metrics);
        Assert.Matches($"scaigrid_circuit_breaker_state{{[^}}]*backend_id=\"{model.Backends[1]}\"[^}}]*}} 2", metrics);
        Assert.Matches(Health(model.Backends[0], 1), metrics);
        Assert.Matches(Health(model.Backends[1], 0), metrics);
    }

    /// <summary>Nothing was sent: another target may take the call even if the model's retry policy excludes timeouts.</summary>
    [Fact]
    public async Task PacketsThatAreDropped_AreAFailedConnection()
    {
        // When the listener's queue is full, further connections get no answer.
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        using var clients = new CancellationTokenSource();
        Socket[] queue = [.. Enumerable.Range(0, 4).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))];
        var waiting = queue.Select(client => client.ConnectAsync(silent.LocalEndPoint!, clients.Token).AsTask()).ToList();
        var dead = new RoutedBackend($"http://{silent.LocalEndPoint}/v1", "m");
        var policy = new { retry = new { max_attempts = 2, on = new[] { "connection" } } };
        var model = await RoutedModel.CreateAsync(Admin, [dead, Script(new UpstreamScript()) with { Priority = 1 }], policy);
        var alone = await RoutedModel.CreateAsync(Admin, [dead]);
        var answers = await Task.WhenAll(Admin.ChatAsync(model.Slug), Admin.ChatAsync(alone.Slug));
        Assert.Equal("connection_failed", (string?)answers[0].Ok()["routing"]!["failed_attempts"]![0]!["outcome"]);
        answers[1].Error(503, "MODEL_UNAVAILABLE");
        await clients.CancelAsync();
        await Task.WhenAll(waiting.Select(connecting => connecting.ContinueWith(_ => { }, TaskScheduler.Default)));
        Array.ForEach(queue, client => client.Dispose());
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task AllDead_TheModelIsUnavailable_WithARetryAfterWithinBounds(string path)
    {
        var dead = $"http://127.0.0.1:{FreePort.Next()}/v1";
        var model = await RoutedModel.CreateAsync(Admin, [new(dead, "a"), new(dead, "b"), new(dead, "c")]);
        for (var i = 0; i < 8; i++)
        {
            var answer = await Admin.ChatAsync(model.Slug, path: path);
            Assert.True((int)answer.Status == 503, answer.Text);
            var error = path == Native ? answer.Error(503, "MODEL_UNAVAILABLE") : answer.OpenAiError(503, "model_unavailable");
            var seconds = int.Parse(answer.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture);
            Assert.InRange(seconds, 1, 15);
            Assert.Equal(path == Native ? seconds : null, (int?)error["retry_after"]);
        }

        Assert.Equal(["open", "open", "open"], [await model.StateAsync(0), await model.StateAsync(1), await model.StateAsync(2)]);
        Assert.Equal("unhealthy", (string?)(await Admin.GetAsync($"/v1/models/{model.Slug}")).Ok()["health_status"]);
    }

    [Fact]
    public async Task AllLimited_TheSoonestIsTold()
    {
        var model = await RoutedModel.CreateAsync(Admin, [Limited(90), Limited(40), Limited(60)]);
        for (var i = 0; i < 2; i++)
        {
            // The first call gets the error of the upstreams, the second that of their circuits.
            var error = (await Admin.ChatAsync(model.Slug)).Error(429, "BACKEND_RATE_LIMITED");
            Assert.InRange((int)error["retry_after"]!, 20, 40);
        }
    }

    /// <summary>The first call gets the error of the upstreams, the second that of their circuits.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AllPaused_TheModelIsUnavailable_FromTheFirstCallOn(bool triesOthers)
    {
        var model = await RoutedModel.CreateAsync(Admin, triesOthers ? [Paused(90), Paused(40)] : [Paused(40)], triesOthers ? null : new { retry = new { on = Array.Empty<string>() } });
        for (var i = 0; i < 2; i++)
        {
            var answer = await Admin.ChatAsync(model.Slug);
            var error = answer.Error(503, "MODEL_UNAVAILABLE");
            Assert.InRange((int)error["retry_after"]!, 20, 40);
            Assert.Equal(answer.Headers["Retry-After"], error["retry_after"]!.ToString());
        }

        // If another target is not paused, the model is available: an immediate retry may succeed.
        (await ChatAsync(Paused(40), Script(new UpstreamScript { Status = 500 }) with { Priority = 1 })).Error(502, "BACKEND_ERROR");
        (await ChatAsync(new { retry = new { max_attempts = 1 } }, Paused(40), Script(new UpstreamScript()) with { Priority = 1 })).Error(502, "BACKEND_ERROR");

        RoutedBackend Paused(int retryAfter) => Script(new UpstreamScript
        {
            Status = 503,
            Headers = new Dictionary<string, string> { ["Retry-After"] = $"{retryAfter}" },
        });
    }

    /// <summary>The account is empty, so a retry after a second would not help.</summary>
    [Theory]
    [InlineData("insufficient_quota", 429, 60)]
    [InlineData("credit_balance_exhausted", 429, 300)]
    [InlineData("credit_balance_exhausted", 200, 300)]
    public async Task UsedUpQuota_IsTriedElsewhere_AndNotAgainSoon(string code, int status, int pause)
    {
        var empty = Script(new UpstreamScript
        {
            Status = status,
            Body = $$$"""{"error":{"message":"You exceeded your current quota, please check your plan.","type":"insufficient_quota","param":null,"code":"{{{code}}}"}}""",
        });
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var model = await RoutedModel.CreateAsync(Admin, [empty, good]);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(model.Backends[1], (string?)(await Admin.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]);
        }

        Assert.Single(Grid.Upstream.CallsOf(empty.Model));
        Assert.InRange((int)(await model.HealthAsync(0))["circuit"]!["retry_after_s"]!, pause / 2, pause);

        // Without another target the caller learns how long to wait, and nothing about the account.
        var error = (await ChatAsync(empty)).Error(429, "BACKEND_RATE_LIMITED");
        Assert.Equal((pause, "The upstream's quota is used up."), ((int)error["retry_after"]!, (string?)error["message"]));
        error = (await ChatAsync(empty, Script(new UpstreamScript { Status = 429 }))).Error(429, "BACKEND_RATE_LIMITED");
        Assert.Equal(1, (int)error["retry_after"]!);
    }

    [Fact]
    public async Task AllFail_WhatSaysMostIsTold()
    {
        var broken = Script(new UpstreamScript { Status = 500 });
        var dead = new RoutedBackend($"http://127.0.0.1:{FreePort.Next()}/v1", "m");
        (await ChatAsync(broken, Limited(30), dead)).Error(502, "BACKEND_ERROR");
        (await ChatAsync(Limited(30), broken with { Priority = 1 }, dead with { Priority = 2 })).Error(502, "BACKEND_ERROR");
        (await ChatAsync(dead, Limited(30) with { Priority = 1 })).Error(429, "BACKEND_RATE_LIMITED");
        (await ChatAsync(Script(new UpstreamScript { Body = "no JSON" }), dead with { Priority = 1 })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
    }

    [Fact]
    public async Task RetryPolicy_SaysHowOftenAndAfterWhat()
    {
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var broken = Script(new UpstreamScript { Status = 500 });
        (await ChatAsync(new { retry = new { max_attempts = 1 } }, broken, good)).Error(502, "BACKEND_ERROR");
        (await ChatAsync(new { retry = new { max_attempts = 2 } }, broken, good)).Ok();
        (await ChatAsync(new { retry = new { on = new[] { "rate_limit", "connection" } } }, broken, good)).Error(502, "BACKEND_ERROR");
        (await ChatAsync(new { retry = new { on = new[] { "server_error" } } }, broken, good)).Ok();
        (await ChatAsync(broken, broken with { Priority = 1 }, broken with { Priority = 2 }, good with { Priority = 3 })).Error(502, "BACKEND_ERROR");
    }

    [Theory]
    [InlineData(400, 422, "VALIDATION_ERROR")]
    [InlineData(422, 422, "VALIDATION_ERROR")]
    [InlineData(403, 502, "BACKEND_ERROR")]
    [InlineData(404, 502, "BACKEND_ERROR")]
    public async Task WhatTheUpstreamRefuses_IsNotTriedElsewhere(int refusal, int status, string code)
    {
        var refusing = Script(new UpstreamScript { Status = refusal });
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        (await ChatAsync(refusing, good)).Error(status, code);
        Assert.Empty(Grid.Upstream.CallsOf(good.Model));
    }

    /// <summary>Anthropic returns one choice per call: nothing is sent there. This neither counts as an attempt nor affects the backend's health.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatOneFormatCannotSay_IsAnsweredByAnother(bool stream)
    {
        var foreign = Script(new UpstreamScript()) with { Type = "anthropic" };
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var dead = new RoutedBackend($"http://127.0.0.1:{FreePort.Next()}/v1", "m", Priority: 1);
        var once = new { retry = new { max_attempts = 1, on = Array.Empty<string>() } };
        var answer = await SendAsync((await RoutedModel.CreateAsync(Admin, [foreign, good], once)).Slug);
        Assert.Equal((200, "2"), ((int)answer.Status, answer.Headers["X-Scaigrid-Attempts"]));
        Assert.Single(Grid.Upstream.CallsOf(good.Model));
        Assert.Empty(Grid.Upstream.CallsOf(foreign.Model));
        if (!stream)
        {
            Assert.Equal("unsupported", (string?)answer.Ok()["routing"]!["failed_attempts"]![0]!["outcome"]);
        }

        // If no target supports the request, the error names the field. If the only one that does is unavailable, the caller is asked to retry.
        var alone = await RoutedModel.CreateAsync(Admin, [foreign, foreign]);
        var refusal = await SendAsync(alone.Slug);
        Assert.Equal("n", (string?)refusal.Error(422, "VALIDATION_ERROR")["details"]![0]!["field"]);
        Assert.Equal((false, "2"), (refusal.Headers.ContainsKey("X-Scaigrid-Backend"), refusal.Headers["X-Scaigrid-Attempts"]));
        Assert.Equal(("closed", "closed"), (await alone.StateAsync(0), await alone.StateAsync(1)));
        var model = await RoutedModel.CreateAsync(Admin, [foreign, dead]);
        for (var i = 0; i < 6; i++)
        {
            (await SendAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");
        }

        Assert.Equal(("closed", "open"), (await model.StateAsync(0), await model.StateAsync(1)));
        (await Admin.PostAsync(OpenAi, Body(alone.Slug))).OpenAiError(400, "validation_error");

        // The only target that supports the request is rate limited: the error comes first from its response and then from its circuit.
        var limited = await RoutedModel.CreateAsync(Admin, [foreign, Limited(120)]);
        for (var i = 0; i < 2; i++)
        {
            Assert.InRange((int)(await SendAsync(limited.Slug)).Error(429, "BACKEND_RATE_LIMITED")["retry_after"]!, 60, 120);
        }

        // Only requests that were sent count as attempts.
        var broken = Script(new UpstreamScript { Status = 500 });
        var last = good with { Priority = 2 };
        var twice = new { retry = new { max_attempts = 2 } };
        Assert.Equal(200, (int)(await SendAsync((await RoutedModel.CreateAsync(Admin, [foreign, broken with { Priority = 1 }, last], twice)).Slug)).Status);
        (await SendAsync((await RoutedModel.CreateAsync(Admin, [foreign, broken, broken with { Priority = 1 }, last], twice)).Slug)).Error(502, "BACKEND_ERROR");

        // The headers name the backend that was called last, and not one that was skipped.
        var asked = await RoutedModel.CreateAsync(Admin, [broken, foreign with { Priority = 1 }]);
        var failure = await SendAsync(asked.Slug);
        failure.Error(502, "BACKEND_ERROR");
        Assert.Equal((asked.Backends[0], "2"), (failure.Headers["X-Scaigrid-Backend"], failure.Headers["X-Scaigrid-Attempts"]));

        object Body(string slug) => new { model = slug, stream, n = 2, messages = new[] { new { role = "user", content = "hi" } } };

        Task<Answer> SendAsync(string slug) =>
            Admin.PostAsync(Native, Body(slug));
    }

    [Fact]
    public async Task OperationThatOneProviderDoesNotHave_IsAnotherTargets()
    {
        var without = Script(new UpstreamScript()) with { Type = "anthropic" };
        var with = Script(new UpstreamScript { Body = "{\"data\":[{\"index\":0,\"embedding\":[0.5]}],\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}" }) with { Priority = 1 };
        var model = await RoutedModel.CreateAsync(Admin, [without, with], modality: "embedding");
        var answer = await Admin.PostAsync("/oai/v1/embeddings", new { model = model.Slug, input = "hi" });
        Assert.True((int)answer.Status == 200, answer.Text);
        Assert.Equal(model.Backends[1], answer.Headers["X-Scaigrid-Backend"]);
        var alone = await RoutedModel.CreateAsync(Admin, [without], modality: "embedding");
        (await Admin.PostAsync("/oai/v1/embeddings", new { model = alone.Slug, input = "hi" })).OpenAiError(502, "backend_error");
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task Streams_FailOverBeforeTheFirstByte_AndSayWhoAnswered(string path)
    {
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var model = await RoutedModel.CreateAsync(Admin, [Script(new UpstreamScript { CutAfter = 0 }), good]);
        using var stream = await Admin.StreamAsync(model.Slug, path: path);
        Assert.True((await stream.AllAsync())[^1].IsDone);
        Assert.Equal(model.Backends[1], stream.Response.Headers.GetValues("X-Scaigrid-Backend").Single());
        Assert.Equal("2", stream.Response.Headers.GetValues("X-Scaigrid-Attempts").Single());
        Assert.True(double.Parse(stream.Response.Headers.GetValues("X-Scaigrid-Gateway-Ms").Single(), System.Globalization.CultureInfo.InvariantCulture) >= 0);
    }

    [Fact]
    public async Task GatewayTime_LeavesOutTheWaitForTheUpstream()
    {
        var model = await RoutedModel.CreateAsync(Admin, [Script(new UpstreamScript { Delay = TimeSpan.FromSeconds(2) })]);
        var routing = (await Admin.ChatAsync(model.Slug)).Ok()["routing"]!;
        Assert.True((long)routing["latency_ms"]! >= 1900, routing.ToJsonString());
        Assert.True((double)routing["gateway_ms"]! < (long)routing["latency_ms"]! / 2.0, routing.ToJsonString());
    }

    [Fact]
    public async Task LowestCost_GoesToTheCheapest()
    {
        var cheap = Script(new UpstreamScript()) with { Price = "1" };
        var dear = Script(new UpstreamScript()) with { Price = "2", Weight = 100 };
        var model = await RoutedModel.CreateAsync(Admin, [dear, cheap], new { strategy = "lowest_cost" });
        for (var i = 0; i < 10; i++)
        {
            (await Admin.ChatAsync(model.Slug)).Ok();
        }

        Assert.Equal(10, Grid.Upstream.CallsOf(cheap.Model).Count);
    }

    /// <summary>The refused call itself fails, because our key is wrong and the upstream is available. Later calls go to the other backend.</summary>
    [Theory]
    [InlineData("lowest_latency")]
    [InlineData("lowest_cost")]
    public async Task WrongKey_TakesTheCallsOfNobodyForLong(string strategy)
    {
        var wrong = Script(new UpstreamScript { Status = 401 }) with { Price = "1" };
        var good = Script(new UpstreamScript()) with { Price = "2" };
        var model = await RoutedModel.CreateAsync(Admin, [wrong, good], new { strategy });
        var failed = 0;
        for (var i = 0; i < 30; i++)
        {
            failed += (int)(await Admin.ChatAsync(model.Slug)).Status == 502 ? 1 : 0;
        }

        Assert.InRange(failed, 3, 8);
        var health = (await Admin.GetAsync($"/v1/backends/{model.Backends[0]}/health")).Ok();
        Assert.Equal(("unhealthy", "closed"), ((string?)health["status"], (string?)health["circuit"]!["state"]));
        Assert.Contains("refused our credentials", (string?)health["reason"]);

        // The exporter repeats its last answer for a moment.
        await Poll.UntilAsync(
            async () => (await Admin.GetAsync("/metrics")).Text is var metrics && Regex.IsMatch(metrics, Health(model.Backends[0], 0)) && Regex.IsMatch(metrics, Health(model.Backends[1], 1)),
            "the health of both backends among the metrics");
        Assert.Equal("degraded", (string?)(await Admin.GetAsync($"/v1/models/{Uri.EscapeDataString(model.Slug)}")).Ok()["health_status"]);
    }

    [Fact]
    public async Task ProbeByHand_ClosesTheCircuitAtOnce()
    {
        var port = FreePort.Next();
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{port}/v1", "m")]);
        for (var i = 0; i < 5; i++)
        {
            (await Admin.ChatAsync(model.Slug)).Error(503, "MODEL_UNAVAILABLE");
        }

        var probed = (await Admin.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        Assert.Equal(("unhealthy", false), ((string?)probed["status"], (bool)probed["probe"]!["is_alive"]!));
        await using var returned = await FakeUpstream.StartAsync(port);
        returned.Play("m", new UpstreamScript());
        probed = (await Admin.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        Assert.Equal(("healthy", true, "closed"), ((string?)probed["status"], (bool)probed["probe"]!["is_alive"]!, (string?)probed["circuit"]!["state"]));
        (await Admin.ChatAsync(model.Slug)).Ok();
        (await Admin.PostAsync("/v1/backends/be_01ARZ3NDEKTSV4RRFFQ69G5FAV/probe", new { })).Error(404, "BACKEND_NOT_FOUND");
    }

    [Fact]
    public async Task ProbeByHandThatFails_IsNotSaidToBeHealthy()
    {
        var model = await RoutedModel.CreateAsync(Admin, [new($"http://127.0.0.1:{FreePort.Next()}/v1", "m")]);
        var probed = (await Admin.PostAsync($"/v1/backends/{model.Backends[0]}/probe", new { })).Ok();
        Assert.Equal(("degraded", false, "closed"), ((string?)probed["status"], (bool)probed["probe"]!["is_alive"]!, (string?)probed["circuit"]!["state"]));
        Assert.Contains("the probe failed", (string?)probed["reason"], StringComparison.Ordinal);
    }

    private static string Health(string backend, int value) => $"scaigrid_backend_health{{[^}}]*backend_id=\"{backend}\"[^}}]*}} {value}";

    private static string Attempts(string backend, string outcome, string count) =>
        $"(?m)^scaigrid_backend_attempts_total{{[^}}]*backend_id=\"{backend}\"[^}}]*outcome=\"{outcome}\"[^}}]*}} ({count})( |$)";

    private Task<Answer> ChatAsync(params RoutedBackend[] backends) => ChatAsync(null, backends);

    private async Task<Answer> ChatAsync(object? policy, params RoutedBackend[] backends) =>
        await Admin.ChatAsync((await RoutedModel.CreateAsync(Admin, backends, policy)).Slug);

    private RoutedBackend Limited(int retryAfter) => Script(new UpstreamScript
    {
        Status = 429,
        Headers = new Dictionary<string, string> { ["Retry-After"] = $"{retryAfter}" },
    });

    private RoutedBackend Script(UpstreamScript script)
    {
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, script);
        return new RoutedBackend(Grid.Upstream.BaseUrl, model);
    }
}
