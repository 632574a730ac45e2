using System.Diagnostics;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>Drain and shutdown of a replica (spec 01).</summary>
[Trait("needs", "services")]
public sealed class DrainTests(Grid grid) : IAsyncLifetime
{
    private const string Echo = "scailabs/echo";
    private const string Page = "https://app.example.com";
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A stream that is long enough for everything that a test does meanwhile, also on a busy machine.</summary>
    private static UpstreamScript Slow { get; } = new() { Chunks = [.. Enumerable.Range(0, 12).Select(i => $"{i} ")], ChunkDelay = TimeSpan.FromSeconds(1) };

    private static UpstreamScript Endless { get; } = new() { Chunks = [.. Enumerable.Repeat("x", 300)], ChunkDelay = TimeSpan.FromSeconds(1) };

    private static Metadata Key => new() { { "authorization", $"Bearer {Secrets.AdminKey}" } };

    public async ValueTask InitializeAsync() => await grid.EnsureStartedAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/oai/v1/chat/completions")]
    public async Task Api_TurnsNewCallsAway_FinishesTheStream_AndEndsWith0(string path)
    {
        var slug = await ConnectAsync(Slow);
        await using var replica = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(grid.Services!.Settings) { ["SCAIGRID_CORS_ORIGINS"] = Page });
        using var caller = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        using var stream = await caller.StreamAsync(slug, path: path);
        var first = await stream.NextAsync(Cancellation);
        await BeginDrainAsync(replica);

        Assert.Equal(200, (int)(await caller.GetAsync("/health")).Status);
        var native = await caller.ChatAsync(Echo);
        native.Error(503, "SERVICE_DRAINING");
        Assert.Equal("1", native.Headers["Retry-After"]);
        var openAi = await caller.ChatAsync(Echo, path: "/oai/v1/chat/completions");
        openAi.OpenAiError(503, "service_draining");
        Assert.Equal("1", openAi.Headers["Retry-After"]);
        (await caller.GetAsync("/v1/models")).Error(503, "SERVICE_DRAINING");
        Assert.Equal(Page, await BrowserAccessTests.AllowedAsync(caller.Http, HttpMethod.Post, Page));

        var rest = await stream.AllAsync();
        Assert.Equal(string.Concat(Slow.Chunks), first!.Content + string.Concat(rest.Select(item => item.Content)));
        Assert.True(rest[^1].IsDone);
        Assert.Equal(0, await replica.WaitForExitAsync(Cancellation));
        await AssertAccountedAsync(slug);
    }

    [Fact]
    public async Task Grpc_TurnsNewCallsAway_FinishesTheStream_AndEndsWith0()
    {
        var slug = await ConnectAsync(Slow);
        await using var replica = await Replica.StartAsync(Mode.Grpc, grid.Services!.Settings);
        using var channel = GrpcChannel.ForAddress(replica.BaseAddress);
        var client = new InferenceService.InferenceServiceClient(channel);
        using var call = client.StreamChat(Request(slug), Key, cancellationToken: Cancellation);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        var text = TextOf(call.ResponseStream.Current);
        await BeginDrainAsync(replica);

        var failure = await Assert.ThrowsAsync<RpcException>(() => client.ChatAsync(Request(Echo), Key).ResponseAsync);
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
        Assert.Equal("SERVICE_DRAINING", failure.Trailers.GetValue("scaigrid-error-code"));
        Assert.Equal("1", failure.Trailers.GetValue("retry-after"));
        Assert.StartsWith("req_", Assert.Single(failure.Trailers, entry => entry.Key == "x-request-id").Value, StringComparison.Ordinal);
        var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, health.Status);

        ChatChunk? last = null;
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(Cancellation))
        {
            text += TextOf(chunk);
            last = chunk;
        }

        Assert.Equal(string.Concat(Slow.Chunks), text);
        Assert.Equal(18, last!.Usage.TotalTokens);
        Assert.Equal(0, await replica.WaitForExitAsync(Cancellation));
        await AssertAccountedAsync(slug);
    }

    [Theory]
    [InlineData(Mode.Http)]
    [InlineData(Mode.Grpc)]
    [InlineData(Mode.Worker)]
    public async Task NothingInFlight_ItEndsAtOnceWith0(Mode mode)
    {
        await using var replica = await Replica.StartAsync(mode, grid.Services!.Settings);
        var started = Stopwatch.GetTimestamp();

        var exitCode = await replica.TerminateAsync();
        Assert.True(exitCode == 0, $"{exitCode}: {replica.Output}");

        // The worker waits until the scheduler's threads have ended.
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, AtOnce * 2);
    }

    /// <summary>Reflection requires no key, so that anyone could hold a stream open.</summary>
    [Fact]
    public async Task ReflectionThatIsHeldOpen_HoldsUpNoDrain()
    {
        await using var replica = await Replica.StartAsync(Mode.Grpc, grid.Services!.Settings);
        using var channel = GrpcChannel.ForAddress(replica.BaseAddress);
        using var reflection = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo(cancellationToken: Cancellation);
        await reflection.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, Cancellation);
        Assert.True(await reflection.ResponseStream.MoveNext(Cancellation));
        var started = Stopwatch.GetTimestamp();

        var exitCode = await replica.TerminateAsync();
        Assert.True(exitCode == 0, $"{exitCode}: {replica.Output}");

        // The server waits up to five seconds for open connections.
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, AtOnce * 2);
    }

    [Fact]
    public async Task SecondSigterm_EndsAtOnce()
    {
        var slug = await ConnectAsync(Endless);
        await using var replica = await Replica.StartAsync(Mode.Http, grid.Services!.Settings);
        using var caller = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        using var stream = await caller.StreamAsync(slug);
        await stream.NextAsync(Cancellation);
        await BeginDrainAsync(replica);

        var started = Stopwatch.GetTimestamp();
        replica.BeginTerminate();

        // 128 + 15: the exit code that a shell reports for SIGTERM.
        Assert.Equal(143, await replica.WaitForExitAsync(Cancellation));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, AtOnce);
    }

    [Theory]
    [InlineData("/v1/inference/chat", "SERVICE_DRAINING")]
    [InlineData("/oai/v1/chat/completions", "service_draining")]
    public async Task DrainTimeout_EndsStreamsWithAnErrorEvent_AndCallsWithAnError(string path, string code)
    {
        var slug = await ConnectAsync(Endless);
        var stalled = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromMinutes(2) }, out var stalledModel);
        var settings = new Dictionary<string, string>(grid.Services!.Settings) { ["SCAIGRID_DRAIN_TIMEOUT_S"] = "3" };
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var caller = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        using var stream = await caller.StreamAsync(slug, path: path);
        await stream.NextAsync(Cancellation);
        var whole = caller.ChatAsync(stalled, path: path);
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(stalledModel).Count > 0), "the call to reach its upstream");

        var started = Stopwatch.GetTimestamp();
        replica.BeginTerminate();
        var rest = await stream.AllAsync();

        Assert.Equal("error", rest[^2].Name);
        Assert.Contains(code, rest[^2].Data, StringComparison.Ordinal);
        Assert.True(rest[^1].IsDone);
        var answer = await whole;
        Assert.Equal(503, (int)answer.Status);
        Assert.Contains(code, answer.Text, StringComparison.Ordinal);
        Assert.Equal(0, await replica.WaitForExitAsync(Cancellation));

        // After the drain timeout the host has five more seconds to stop.
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(15));
        Assert.Contains("drain_timed_out", replica.Output, StringComparison.Ordinal);
        Assert.Equal("error", (string?)Assert.Single(await grid.Admin.UsageAsync(slug, 1))["status"]);
    }

    [Fact]
    public async Task DrainTimeout_EndsAGrpcStreamWithOurCode()
    {
        var slug = await ConnectAsync(Endless);
        var settings = new Dictionary<string, string>(grid.Services!.Settings) { ["SCAIGRID_DRAIN_TIMEOUT_S"] = "3" };
        await using var replica = await Replica.StartAsync(Mode.Grpc, settings);
        using var channel = GrpcChannel.ForAddress(replica.BaseAddress);
        using var call = new InferenceService.InferenceServiceClient(channel).StreamChat(Request(slug), Key, cancellationToken: Cancellation);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));

        replica.BeginTerminate();
        var failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(Cancellation))
            {
            }
        });

        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
        Assert.Equal("SERVICE_DRAINING", failure.Trailers.GetValue("scaigrid-error-code"));
        Assert.Equal(0, await replica.WaitForExitAsync(Cancellation));
    }

    // Called before the replica starts, so that the replica knows the model.
    private Task<string> ConnectAsync(UpstreamScript script) => ConnectAsync(script, out _);

    private Task<string> ConnectAsync(UpstreamScript script, out string upstreamModel)
    {
        upstreamModel = $"upstream-{Guid.CreateVersion7():N}";
        grid.Upstream.Play(upstreamModel, script);
        return grid.Admin.ConnectAsync(grid.Upstream.BaseUrl, upstreamModel);
    }

    private static async Task BeginDrainAsync(ModeProcess replica)
    {
        replica.BeginTerminate();
        Assert.Equal("draining", (string?)JsonNode.Parse(await replica.WaitForReadinessAsync(503))!["status"]);
    }

    private async Task AssertAccountedAsync(string slug)
    {
        var row = Assert.Single(await grid.Admin.UsageAsync(slug, 1));
        Assert.Equal(("ok", 11, 7), ((string?)row["status"], (int)row["tokens_in"]!, (int)row["tokens_out"]!));
    }

    private static ChatRequest Request(string model) => new() { Model = model, Messages = { new ChatMessage { Role = "user", Content = "hi" } } };

    private static string TextOf(ChatChunk chunk) => string.Concat(chunk.Choices.Select(choice => choice.Content));
}
