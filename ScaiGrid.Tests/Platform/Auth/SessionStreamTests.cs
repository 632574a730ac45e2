using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Streams of signed-in users on two replicas. They end with the session, the user and the tenant, and for no other reason.</summary>
[Collection(IssuerCollection.Name)]
public sealed class SessionStreamTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    // Longer than any test waits: a stream that ends has been ended.
    private static readonly UpstreamScript Endless = new()
    {
        Chunks = [.. Enumerable.Repeat("word ", 1000)],
        ChunkDelay = TimeSpan.FromMilliseconds(300),
    };

    [Theory]
    [InlineData("logout")]
    [InlineData("refresh token used twice")]
    [InlineData("user suspended")]
    [InlineData("user deleted")]
    [InlineData("tenant suspended")]
    public async Task StreamsInFlight_EndWithAnErrorEvent(string how)
    {
        var person = await SignedInPerson.CreateAsync(Grid, issuers);
        var (access, refresh) = await person.SignInAsync();
        var model = await ConnectAsync();
        using var here = issuers.As(access);
        using var there = issuers.As(access, issuers.OtherReplica);
        using var one = await StartAsync(here, model);
        using var two = await StartAsync(there, model);
        switch (how)
        {
            case "logout":
                (await here.PostAsync("/v1/auth/logout", new { })).NoContent();
                break;
            case "refresh token used twice":
                (await person.App.RefreshAsync(refresh)).Ok();
                (await person.App.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");
                break;
            case "user suspended":
                await person.Tenant.SuspendAsync(person.User);
                break;
            case "user deleted":
                (await Admin.DeleteAsync($"/v1/users/{person.User.Id}")).NoContent();
                break;
            default:
                await person.Tenant.SuspendAsync();
                break;
        }

        await EndsAsync(one);
        await EndsAsync(two);
    }

    [Fact]
    public async Task OtherSessionsOfTheUser_AndTheirKeys_GoOn()
    {
        var person = await SignedInPerson.CreateAsync(Grid, issuers);
        var (gone, kept) = (await person.SignInAsync(), await person.SignInAsync());
        var model = await ConnectAsync(chunks: 10);
        using var leaves = issuers.As(gone.Access);
        using var stays = issuers.As(kept.Access);
        using var session = await StartAsync(stays, model);
        using var key = await StartAsync(issuers.As(person.User.Api.Key), model);
        (await leaves.PostAsync("/v1/auth/logout", new { })).NoContent();
        Assert.DoesNotContain(await session.AllAsync(), item => item.Name == "error");
        Assert.DoesNotContain(await key.AllAsync(), item => item.Name == "error");

        // After a suspension is lifted, the session is valid as before and can still be ended.
        await person.Tenant.SuspendAsync(person.User);
        await Poll.UntilAsync(async () => (int)(await stays.GetAsync("/v1/me")).Status == 401, "the suspension");
        (await Admin.PutAsync($"/v1/users/{person.User.Id}", new { status = "active" })).Ok();
        await Poll.UntilAsync(async () => (int)(await stays.GetAsync("/v1/me")).Status == 200, "the end of the suspension");
        using var again = await StartAsync(stays, await ConnectAsync());
        (await stays.PostAsync("/v1/auth/logout", new { })).NoContent();
        await EndsAsync(again);
    }

    [Fact]
    public async Task TokenOfTheIssuer_EndsWithItsUser()
    {
        var person = await SignedInPerson.CreateAsync(Grid, issuers);
        using var api = issuers.As(issuers.Issuer.Token(person.Subject));
        using var stream = await StartAsync(api, await ConnectAsync());
        await person.Tenant.SuspendAsync(person.User);
        await EndsAsync(stream);
    }

    /// <summary>Returns when both replicas serve the model.</summary>
    private async Task<string> ConnectAsync(int? chunks = null)
    {
        var name = $"upstream-{Fresh.Name()}";
        Grid.Upstream.Play(name, chunks is { } count ? new UpstreamScript { Chunks = [.. Endless.Chunks.Take(count)], ChunkDelay = Endless.ChunkDelay } : Endless);
        return await Admin.ConnectAsync(Grid.Upstream.BaseUrl, name);
    }

    private static async Task<EventStream> StartAsync(ApiDriver api, string model)
    {
        EventStream? stream = null;
        await Poll.UntilAsync(
            async () =>
            {
                stream?.Dispose();
                stream = await api.StreamAsync(model);
                return stream.Response.IsSuccessStatusCode;
            },
            "the model on the replica");
        Assert.Null((await stream!.NextAsync())!.Name);
        return stream;
    }

    private static async Task EndsAsync(EventStream stream)
    {
        var events = await stream.AllAsync();
        Assert.Equal(("error", "AUTH_TOKEN_INVALID"), (events[^2].Name, (string?)events[^2].Json["code"]));
        Assert.True(events[^1].IsDone);
        Assert.True(events.Count < Endless.Chunks.Count, "The stream was not ended.");
    }
}
