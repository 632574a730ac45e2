using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>When a key is revoked, a user suspended or deleted, or a tenant suspended, their calls in flight end and are charged.</summary>
public sealed class RevocationTests(Grid grid) : GridTest(grid)
{
    // Longer than any test waits: a stream that ends has been ended.
    private static readonly UpstreamScript Endless = new()
    {
        Chunks = [.. Enumerable.Repeat("word ", 1000)],
        ChunkDelay = TimeSpan.FromMilliseconds(300),
    };

    [Theory]
    [InlineData("key")]
    [InlineData("user suspended")]
    [InlineData("user deleted")]
    [InlineData("tenant suspended")]
    public async Task StreamInFlight_EndsWithAnErrorEvent(string how)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var model = await ConnectAsync(Endless, out var upstreamModel);
        using var stream = await user.Api.StreamAsync(model);
        Assert.Null((await stream.NextAsync())!.Name);

        await EndAsync(how, tenant, user);
        var events = await stream.AllAsync();
        var error = events[^2];
        Assert.Equal(("error", "AUTH_TOKEN_INVALID"), (error.Name, (string?)error.Json["code"]));
        Assert.True(events[^1].IsDone);
        Assert.True(events.Count < Endless.Chunks.Count, "The stream was not ended.");
        (await user.Api.ChatAsync(model)).Error(401, "AUTH_TOKEN_INVALID");

        var call = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        await Poll.UntilAsync(() => Task.FromResult(call.AbortedAt != 0), "the upstream's call to be cut");
        var usage = Assert.Single(await Admin.UsageAsync(model, count: 1));
        Assert.Equal(("cancelled", true), ((string?)usage["status"], (long)usage["tokens_out"]! > 0));
    }

    [Fact]
    public async Task CallWithoutAnAnswerYet_IsRefused()
    {
        var model = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromMinutes(2) }, out var upstreamModel);
        var (id, key) = await Admin.CreateKeyAsync();
        using var holder = Admin.As(key);
        var call = holder.ChatAsync(model);
        var openAi = holder.ChatAsync(model, path: "/oai/v1/chat/completions");
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(upstreamModel).Count == 2), "the calls to reach the upstream");
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        (await call).Error(401, "AUTH_TOKEN_INVALID");
        (await openAi).OpenAiError(401, "auth_token_invalid");
    }

    [Fact]
    public async Task StreamOverGrpc_EndsUnauthenticated()
    {
        var model = await ConnectAsync(Endless);
        var (id, key) = await Admin.CreateKeyAsync();
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress);
        var client = new InferenceService.InferenceServiceClient(channel);
        var request = new ChatRequest { Model = model };
        request.Messages.Add(new ChatMessage { Role = "user", Content = "hi" });
        var metadata = new Metadata { { "authorization", $"Bearer {key}" } };

        // The other process must have received the key.
        await Poll.UntilAsync(async () => await ListsAsync(client, metadata), "the key over gRPC");
        using var stream = client.StreamChat(request, metadata);
        Assert.True(await stream.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        var ended = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await stream.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            {
            }
        });
        Assert.Equal(StatusCode.Unauthenticated, ended.StatusCode);
        Assert.Equal("AUTH_TOKEN_INVALID", ended.Trailers.GetValue("scaigrid-error-code"));
    }

    [Fact]
    public async Task CallThatBeganBeforeItsKeyExpired_GoesOn()
    {
        var model = await ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 40)], ChunkDelay = TimeSpan.FromMilliseconds(300) });
        var expiresAt = TimeProvider.System.GetUtcNow().AddSeconds(6).ToString("O", CultureInfo.InvariantCulture);
        using var holder = Admin.As((string)(await Admin.PostAsync("/v1/api-keys", new { name = "brief", expires_at = expiresAt })).Created()["key"]!);
        using var stream = await holder.StreamAsync(model);
        Assert.NotNull(await stream.NextAsync());
        await Poll.UntilAsync(async () => (int)(await holder.GetAsync("/v1/me")).Status == 401, "the key to expire");

        // This causes a new snapshot, which does not contain the expired key.
        await Admin.CreateKeyAsync();
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        Assert.DoesNotContain(events, item => item.Name == "error");
    }

    [Fact]
    public async Task OtherKeysOfTheUser_AreNotTouched()
    {
        var model = await ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 8)], ChunkDelay = TimeSpan.FromMilliseconds(300) });
        var (id, _) = await Admin.CreateKeyAsync();
        var (_, kept) = await Admin.CreateKeyAsync();
        using var holder = Admin.As(kept);
        using var stream = await holder.StreamAsync(model);
        Assert.NotNull(await stream.NextAsync());
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        Assert.DoesNotContain(await stream.AllAsync(), item => item.Name == "error");
    }

    [Fact]
    public async Task LastUse_IsWrittenLater()
    {
        var (id, key) = await Admin.CreateKeyAsync();
        Assert.Null((await KeyAsync(id))["last_used_at"]);
        using var holder = Admin.As(key);
        var before = Stopwatch.GetTimestamp();
        (await holder.GetAsync("/v1/me")).Ok();
        await Poll.UntilAsync(async () => (await KeyAsync(id))["last_used_at"] is not null, "the key's last use");
        var used = DateTimeOffset.Parse((string)(await KeyAsync(id))["last_used_at"]!, CultureInfo.InvariantCulture);
        Assert.InRange(TimeProvider.System.GetUtcNow() - used, TimeSpan.Zero, Stopwatch.GetElapsedTime(before) + TimeSpan.FromSeconds(1));
    }

    private async Task EndAsync(string how, SeededTenant tenant, SeededUser user)
    {
        var answer = how switch
        {
            "key" => await Admin.DeleteAsync($"/v1/api-keys/{user.KeyId}"),
            "user suspended" => await Admin.PutAsync($"/v1/users/{user.Id}", new { status = "suspended" }),
            "user deleted" => await Admin.DeleteAsync($"/v1/users/{user.Id}"),
            _ => await Admin.PutAsync($"/v1/tenants/{tenant.Id}", new { status = "suspended" }),
        };
        Assert.True((int)answer.Status is 200 or 204, answer.Text);
    }

    private async Task<JsonNode> KeyAsync(string id) =>
        (await Admin.GetAsync("/v1/api-keys?limit=1000")).Ok()["items"]!.AsArray().Single(item => (string?)item!["id"] == id)!;

    private static async Task<bool> ListsAsync(InferenceService.InferenceServiceClient client, Metadata metadata)
    {
        try
        {
            await client.ListModelsAsync(new ListModelsRequest(), metadata);
            return true;
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.Unauthenticated)
        {
            return false;
        }
    }
}
