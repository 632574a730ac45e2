using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>OpenAI's own JavaScript client with <c>/oai/v1</c>. Its calls are in Support/openai/client.mjs.</summary>
public sealed class OpenAiJavaScriptTests(Grid grid) : GridTest(grid)
{
    private const string Echo = "scailabs/echo";

    [Theory]
    [InlineData("chat")]
    [InlineData("stream")]
    [InlineData("tools")]
    [InlineData("streamedTools")]
    [InlineData("completions")]
    [InlineData("responses")]
    [InlineData("responseStream")]
    [InlineData("models")]
    public Task ClientWorks_OnTheDemo(string scenario) => RunAsync(scenario, Echo);

    [Theory]
    [InlineData("structured")]
    [InlineData("parsedResponse")]
    public async Task StructuredOutput_IsParsed(string scenario) =>
        await RunAsync(scenario, await ConnectAsync(new UpstreamScript { Chunks = ["""{"city":"Paris"}"""] }));

    [Fact]
    public async Task Embeddings_InBothEncodings() =>
        await RunAsync("embeddings", await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "embedding" }), new { vector = FakeOperations.Vector });

    [Fact]
    public async Task Images_InBothFormats() => await RunAsync(
        "images", await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "image" }), new { png = Convert.ToBase64String(FakeOperations.Png) });

    [Fact]
    public async Task Speech_IsAudio() => await RunAsync(
        "speech", await ConnectAsync(new UpstreamScript { Bytes = [[1, 2], [3, 4, 5]], ContentType = "audio/mpeg" }, modelFields: new { modality = "audio" }));

    [Fact]
    public async Task Transcription_IsText() =>
        await RunAsync("transcription", await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "audio" }));

    [Fact]
    public async Task Moderation_IsRead() => await RunAsync("moderations", await ConnectAsync(new UpstreamScript()));

    [Theory]
    [InlineData(400, """{"error":{"message":"bad"}}""", "BadRequestError", 400, "validation_error")]
    [InlineData(409, """{"error":{"message":"busy"}}""", "ConflictError", 409, "conflict")]
    [InlineData(422, """{"error":{"message":"bad"}}""", "UnprocessableEntityError", 422, "validation_error")]
    [InlineData(429, null, "RateLimitError", 429, "backend_rate_limited")]
    [InlineData(500, null, "InternalServerError", 502, "backend_error")]
    [InlineData(401, null, "InternalServerError", 502, "backend_error")]
    [InlineData(503, null, "InternalServerError", 502, "backend_error")]
    public async Task UpstreamsError_IsOneOfTheClientsClasses(int upstream, string? body, string type, int status, string code) =>
        await RunAsync("error", await ConnectAsync(new UpstreamScript { Status = upstream, Body = body }), new { @class = type, status, code });

    [Fact]
    public Task BadField_IsABadRequest() => RunAsync(
        "error", Echo, new { @class = "BadRequestError", status = 400, code = "validation_error", request = new { model = Echo, messages = new[] { new { role = "user", content = "hi" } }, temperature = 9 } });

    [Fact]
    public Task WrongKey_IsAnAuthenticationError() => RunAsync(
        "error", Echo, new { @class = "AuthenticationError", status = 401, code = "auth_token_invalid", key = "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv" });

    [Fact]
    public Task UnknownModel_IsNotFound() => RunAsync("error", "no/such-model", new { @class = "NotFoundError", status = 404, code = "model_not_found" });

    [Fact]
    public async Task ModelWithoutBackends_IsUnavailable()
    {
        var slug = $"test/{Guid.CreateVersion7():N}";
        (await Admin.PostAsync("/v1/models", new { slug })).Created();
        await RunAsync("error", slug, new { @class = "InternalServerError", status = 503, code = "model_unavailable" });
    }

    [Fact]
    public async Task BrokenStream_IsAnApiError() => await RunAsync("brokenStream", await ConnectAsync(new UpstreamScript { CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(100) }));

    [Theory]
    [InlineData("unreachable")]
    [InlineData("impatient")]
    [InlineData("aborted")]
    public async Task ConnectionTrouble_IsOneOfTheClientsClasses(string scenario) =>
        await RunAsync(scenario, await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(20) }), new { unreachable = $"http://127.0.0.1:{FreePort.Next()}/oai/v1" });

    [Fact]
    public async Task RetryAfter_IsObeyed()
    {
        var script = new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "1" } };
        var slug = await ConnectAsync(script, out var upstreamModel);
        await RunAsync("retry", slug);
        Assert.Equal(2, Grid.Upstream.CallsOf(upstreamModel).Count);
    }

    private Task RunAsync(string scenario, string model, object? wanted = null) => JavaScriptClient.RunAsync(Admin, scenario, model, wanted);
}

/// <summary>The error class for callers without permission. A separate class, because it needs users with other roles.</summary>
public sealed class OpenAiJavaScriptPermissionTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task CallerWithoutPermission_IsDenied()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var viewer = await tenant.AddUserAsync("tenant_viewer");
        await JavaScriptClient.RunAsync(
            viewer.Api, "error", "scailabs/echo", new { @class = "PermissionDeniedError", status = 403, code = "authz_permission_denied" });
    }
}
