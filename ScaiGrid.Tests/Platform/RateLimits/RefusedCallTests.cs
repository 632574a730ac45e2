using System.Globalization;
using System.Net;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.RateLimits;

/// <summary>Calls of models that are refused before a model is looked for, because of their body or a missing permission.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class RefusedCallTests
{
    private const string Echo = "scailabs/echo";

    private static readonly string[] Paths =
    [
        "/v1/inference/chat", "/v1/inference/generate", "/v1/inference/embed", "/v1/inference/images/generate", "/v1/inference/audio/synthesize",
        "/oai/v1/chat/completions", "/oai/v1/completions", "/oai/v1/embeddings", "/oai/v1/images/generations", "/oai/v1/audio/speech", "/oai/v1/responses",
        "/oai/v1/moderations",
    ];

    [Theory]
    [InlineData("{\"model\":", 400, 400)]
    [InlineData("{}", 422, 400)]
    public async Task BadBodies_Count_OnEveryPathAndOverReplicas(string body, int status, int openAiStatus)
    {
        await using var grid = await StartAsync(Paths.Length);
        for (var i = 0; i < Paths.Length; i++)
        {
            var answer = await grid.Admins[i % 2].SendAsync(HttpMethod.Post, Paths[i], body);
            var isOpenAi = Paths[i].StartsWith("/oai", StringComparison.Ordinal);
            Assert.True((int)answer.Status == (isOpenAi ? openAiStatus : status), $"{Paths[i]} {answer.Status} {answer.Text}");
            var left = (Paths.Length - 1 - i).ToString(CultureInfo.InvariantCulture);
            Assert.Equal(left, answer.Headers["X-Scaigrid-Ratelimit-Remaining"]);
            Assert.Equal(isOpenAi ? left : null, answer.Headers.GetValueOrDefault("x-ratelimit-remaining-requests"));
        }

        // The first refusal is Redis's, the second what the replica knows.
        foreach (var admin in new[] { grid.Admins[0], grid.Admins[1], grid.Admins[0] })
        {
            var refused = await admin.SendAsync(HttpMethod.Post, Paths[0], body);
            Assert.InRange((int)refused.Error(429, "RATE_LIMITED")["retry_after"]!, 1, 61);
            Assert.Equal(refused.Headers["Retry-After"], refused.Error(429, "RATE_LIMITED")["retry_after"]!.ToString());
            Assert.Equal(($"{Paths.Length}", "0"), (refused.Headers["X-Scaigrid-Ratelimit-Limit"], refused.Headers["X-Scaigrid-Ratelimit-Remaining"]));
            Assert.InRange(long.Parse(refused.Headers["X-Scaigrid-Ratelimit-Reset"], CultureInfo.InvariantCulture) - TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0, 62);
            var there = await admin.ChatAsync(Echo, path: "/oai/v1/chat/completions");
            there.OpenAiError(429, "rate_limited");
            Assert.Equal(($"{Paths.Length}", "0"), (there.Headers["x-ratelimit-limit-requests"], there.Headers["x-ratelimit-remaining-requests"]));
        }
    }

    [Fact]
    public async Task BadForms_And_MissingPermissions_Count()
    {
        await using var grid = await StartAsync(4);
        (await grid.Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1], ("language", "x"))).Error(422, "VALIDATION_ERROR");
        Assert.Equal("2", (await grid.Admin.ChatAsync(Echo)).Headers["X-Scaigrid-Ratelimit-Remaining"]);

        var key = (await grid.Admin.PostAsync("/v1/api-keys", new { name = "scoped", scopes = new[] { "models:list" } })).Created();
        using var scoped = grid.Admin.As((string)key["key"]!);
        for (var i = 0; i < 4; i++)
        {
            (await scoped.ChatAsync(Echo)).Error(403, "AUTHZ_PERMISSION_DENIED");
        }

        (await scoped.ChatAsync(Echo)).Error(429, "RATE_LIMITED");
        (await scoped.GetAsync("/v1/me")).Ok();
    }

    /// <summary>A replica that knows that the limit is reached does not read the body: the client waits for a sign before it sends one.</summary>
    [Fact]
    public async Task CallerWhoseLimitIsReached_SendsNoBody()
    {
        await using var grid = await StartAsync(1);
        (await grid.Admin.PostAsync("/v1/inference/chat", new { })).Error(422, "VALIDATION_ERROR");
        (await grid.Admin.PostAsync("/v1/inference/chat", new { })).Error(429, "RATE_LIMITED");
        Assert.False(await IsReadAsync());

        // Other limits apply at once.
        var tenant = (string)(await grid.Admin.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        (await grid.Admin.PutAsync($"/v1/tenants/{tenant}/rate-limits", new { key = new { requests_per_minute = 3 } })).Ok();
        Assert.True(await IsReadAsync());
        (await grid.Admin.ChatAsync(Echo)).Ok();

        async Task<bool> IsReadAsync()
        {
            using var body = new WatchedContent();
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/inference/chat") { Content = body };
            request.Headers.ExpectContinue = true;
            using var response = await grid.Admin.Http.SendAsync(request);
            Assert.Equal(body.IsSent ? HttpStatusCode.UnprocessableEntity : HttpStatusCode.TooManyRequests, response.StatusCode);
            return body.IsSent;
        }
    }

    [Fact]
    public async Task BadMessages_Count_OverGrpc()
    {
        await using var grid = await StartAsync(3, withGrpc: true);
        using var channel = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
        var client = new InferenceService.InferenceServiceClient(channel);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(StatusCode.InvalidArgument, (await ChatAsync()).StatusCode);
        }

        // One that is no message at all, which no interceptor sees.
        using var content = new ByteArrayContent([0, 0, 0, 0, 2, 0xFF, 0xFF]);
        using var malformed = await RawGrpc.SendAsync(grid.Grpc!.BaseAddress, "scaigrid.v1.InferenceService/Chat", content, Secrets.AdminKey);
        Assert.Equal(("3", "BAD_REQUEST"), malformed.Outcome());

        // The first refusal is Redis's, the second what the replica knows.
        for (var i = 0; i < 2; i++)
        {
            var refused = await ChatAsync();
            Assert.Equal((StatusCode.ResourceExhausted, "RATE_LIMITED"), (refused.StatusCode, refused.Trailers.GetValue("scaigrid-error-code")));
            Assert.InRange(int.Parse(refused.Trailers.GetValue("retry-after")!, CultureInfo.InvariantCulture), 1, 61);
        }

        (await grid.Admin.ChatAsync(Echo)).Error(429, "RATE_LIMITED");

        async Task<RpcException> ChatAsync() => await Assert.ThrowsAsync<RpcException>(
            async () => await client.ChatAsync(new ChatRequest { Model = Echo }, new Metadata { { "authorization", $"Bearer {Secrets.AdminKey}" } }));
    }

    /// <summary>Its error looks like a refusal, but the call was admitted, and headers can no longer be sent.</summary>
    [Fact]
    public async Task StreamThatTheUpstreamRefusesLate_CountsOnce_OverGrpc()
    {
        await using var grid = await StartAsync(3, withGrpc: true);
        var events = new[] { UpstreamDocuments.Chunk("a", finish: null), """{"error":{"message":"Not so.","type":"invalid_request_error"}}""" };
        grid.Upstream.Play("m", new UpstreamScript { Bytes = [.. events.Select(json => Encoding.UTF8.GetBytes($"data: {json}\n\n"))], ContentType = "text/event-stream" });
        var model = await RoutedModel.CreateAsync(grid.Admin, [new(grid.Upstream.BaseUrl, "m")]);
        await grid.CatchUpAsync();
        using var channel = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
        var request = new ChatRequest { Model = model.Slug, Messages = { new ChatMessage { Role = "user", Content = "hi" } } };
        using var call = new InferenceService.InferenceServiceClient(channel).StreamChat(request, new Metadata { { "authorization", $"Bearer {Secrets.AdminKey}" } });
        Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        var failure = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal((StatusCode.InvalidArgument, "VALIDATION_ERROR"), (failure.StatusCode, failure.Trailers.GetValue("scaigrid-error-code")));
        (await grid.Admin.ChatAsync(Echo)).Ok();
        (await grid.Admin.ChatAsync(Echo)).Ok();
        (await grid.Admin.ChatAsync(Echo)).Error(429, "RATE_LIMITED");
    }

    private static Task<SmallGrid> StartAsync(int limit, bool withGrpc = false) =>
        SmallGrid.StartAsync(withGrpc: withGrpc, settings: new Dictionary<string, string> { ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = $"{limit}" });

    /// <summary>Longer than what the client sends even after a refusal.</summary>
    private sealed class WatchedContent : HttpContent
    {
        private static readonly byte[] Body = Encoding.ASCII.GetBytes("{}".PadRight(8 * 1024));

        public WatchedContent() => Headers.ContentType = new("application/json");

        public bool IsSent { get; private set; }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            IsSent = true;
            await stream.WriteAsync(Body);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = Body.Length;
            return true;
        }
    }
}
