using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The exceptions that OpenAI's own .NET client throws for failed calls.</summary>
public sealed class OpenAiClientErrorTests(Grid grid) : GridTest(grid)
{
    private const string Echo = "scailabs/echo";

    [Theory]
    [InlineData(400, 400, "validation_error")]
    [InlineData(409, 409, "conflict")]
    [InlineData(413, 413, "payload_too_large")]
    [InlineData(422, 422, "validation_error")]
    [InlineData(429, 429, "backend_rate_limited")]
    [InlineData(500, 502, "backend_error")]
    public async Task UpstreamsError_HasItsStatus(int upstream, int status, string code)
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = upstream, Body = """{"error":{"message":"as scripted"}}""" });
        var error = await ThrowsAsync(slug);
        Assert.Equal(status, error.Status);
        Assert.Contains(code, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OursHaveTheirs()
    {
        var error = await ThrowsAsync(Echo, key: "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv");
        Assert.Equal(401, error.Status);
        error = await ThrowsAsync("no/such-model");
        Assert.Equal(404, error.Status);
        Assert.Contains("model_not_found", error.Message, StringComparison.Ordinal);
        error = await ThrowsAsync(Echo, new ChatCompletionOptions { Temperature = 9 });
        Assert.Equal(400, error.Status);
        Assert.Contains("temperature", error.Message, StringComparison.Ordinal);
        var slug = $"test/{Guid.CreateVersion7():N}";
        (await Admin.PostAsync("/v1/models", new { slug })).Created();
        error = await ThrowsAsync(slug);
        Assert.Equal(503, error.Status);
        Assert.Contains("model_unavailable", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallWithoutAnAnswer_IsNoStatus()
    {
        var nobody = new Uri($"http://127.0.0.1:{FreePort.Next()}/oai/v1");
        Assert.Equal(0, (await ThrowsAsync(Echo, endpoint: nobody)).Status);
        var slow = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(20) });
        var impatient = Client(Admin.Key!, timeout: TimeSpan.FromSeconds(1)).GetChatClient(slow);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient.CompleteChatAsync("hi"));
    }

    private Task<ClientResultException> ThrowsAsync(string model, ChatCompletionOptions? options = null, string? key = null, Uri? endpoint = null) =>
        Assert.ThrowsAsync<ClientResultException>(
            () => Client(key ?? Admin.Key!, endpoint).GetChatClient(model).CompleteChatAsync([new UserChatMessage("hi")], options));

    private OpenAIClient Client(string key, Uri? endpoint = null, TimeSpan? timeout = null) => new(new ApiKeyCredential(key), new OpenAIClientOptions
    {
        Endpoint = endpoint ?? new Uri(Admin.BaseAddress, "/oai/v1"),
        RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
        NetworkTimeout = timeout ?? TimeSpan.FromMinutes(1),
    });
}

/// <summary>The exception for callers without permission. A separate class, because it needs users with other roles.</summary>
public sealed class OpenAiClientPermissionTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task CallerWithoutPermission_Is403()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var viewer = await tenant.AddUserAsync("tenant_viewer");
        var client = new OpenAIClient(new ApiKeyCredential(viewer.Api.Key!), new OpenAIClientOptions { Endpoint = new Uri(Admin.BaseAddress, "/oai/v1") });
        var error = await Assert.ThrowsAsync<ClientResultException>(() => client.GetChatClient("scailabs/echo").CompleteChatAsync("hi"));
        Assert.Equal(403, error.Status);
        Assert.Contains("authz_permission_denied", error.Message, StringComparison.Ordinal);
    }
}
