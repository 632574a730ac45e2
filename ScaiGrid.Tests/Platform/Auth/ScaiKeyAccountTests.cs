using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>What ScaiKey's events do to accounts, and who is told of it.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeyAccountTests(Grid grid, IssuerGrid issuers) : ScaiKeyTest(grid, issuers)
{
    [Fact]
    public async Task ChangesOfUsers_AreToldToSubscribers()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var (tenant, first, _) = await UserAsync();
        var me = await MeAsync(first, tenant);
        var admin = me["user"]!;
        (await Admin.PutAsync($"/v1/users/{admin["id"]}/roles", new { roles = new[] { Roles.TenantAdmin } })).Ok();
        var key = (await Admin.PostAsync("/v1/api-keys", new { name = "test", assigned_user_id = (string)admin["id"]! })).Created();
        using var subscriber = Admin.As((string)key["key"]!);
        await subscriber.PostAsync("/v1/webhooks", new { url = receiver.UrlOf("users"), events = new[] { "scaikey.*" } });

        var (user, email) = (Fresh.Name(), $"{Fresh.Name()}@test.example");
        await HandledAsync("user.created", user, new() { ["email"] = email, ["display_name"] = "Ada" }, tenant);
        await HandledAsync("user.updated", user, new() { ["email"] = email, ["display_name"] = "Ada L" }, tenant);
        await HandledAsync("user.updated", user, new() { ["email"] = email, ["display_name"] = "Ada L" }, tenant);
        await HandledAsync("user.suspended", user, [], tenant);
        await HandledAsync("user.deleted", user, [], tenant);
        await HandledAsync("user.created", user, new() { ["email"] = email, ["display_name"] = "Ada" }, tenant);
        await Poll.UntilAsync(() => Task.FromResult(Told().Count() >= 5), "the events");
        Assert.Equal(
            [
                "scaikey.user.created Ada active", "scaikey.user.created Ada active", "scaikey.user.updated Ada L active", "scaikey.user.updated Ada L deleted",
                "scaikey.user.updated Ada L suspended",
            ],
            Told().Select(told => $"{told.Type} {told.Json["payload"]!["display_name"]} {told.Json["payload"]!["status"]}").Order(StringComparer.Ordinal));
        var sent = Told().First().Json;
        Assert.Equal(((string?)me["tenant"]!["id"], "scaikey", user, email), ((string?)sent["tenant_id"], (string?)sent["source"], (string?)sent["payload"]!["external_id"], (string?)sent["payload"]!["email"]));
        Assert.StartsWith("usr_", (string?)sent["payload"]!["user_id"], StringComparison.Ordinal);
        Assert.StartsWith("prt_", (string?)sent["partner_id"], StringComparison.Ordinal);

        // The event of the administrator's own account may be delivered too.
        IEnumerable<ReceivedEvent> Told() =>
            receiver.Of("users").DistinctBy(told => told.Id).Where(told => (string?)told.Json["payload"]!["external_id"] == user);
    }

    [Fact]
    public async Task PersonWhoIsSuspended_LosesAccess_AlsoInATenantThatScaiKeyDidNotMake()
    {
        var (tenant, subject) = (await SeededTenant.CreateAsync(Grid), Fresh.Name());
        using var user = await Issuers.AddUserAsync(tenant, subject);
        await HandledAsync("user.suspended", subject, [], "a-tenant-of-scaikey");
        await StatusAsync(user, "suspended");
        await HandledAsync("user.activated", subject, [], "a-tenant-of-scaikey");
        await StatusAsync(user, "active");

        // In a tenant of ScaiKey's too, as long as the person has no account there.
        var (known, _, _) = await UserAsync();
        await HandledAsync("user.suspended", subject, [], known);
        await StatusAsync(user, "suspended");
        await HandledAsync("user.activated", subject, [], known);
        await StatusAsync(user, "active");
        await HandledAsync("user.deleted", subject, [], "a-tenant-of-scaikey");
        (await Admin.GetAsync($"/v1/users/{user.Id}")).Error(404, "NOT_FOUND");
        await Poll.UntilAsync(async () => (int)(await user.Api.GetAsync("/v1/me")).Status == 401, "the end of the key");
    }

    /// <summary>The administrator of another tenant cannot keep a person from having an account by tying the id first.</summary>
    [Fact]
    public async Task NewPersonOfATenant_IsCreatedThere_WhoeverHasTheId()
    {
        var (elsewhere, subject) = (await SeededTenant.CreateAsync(Grid), Fresh.Name());
        using var tied = await Issuers.AddUserAsync(elsewhere, subject);
        var (tenant, _, _) = await UserAsync();
        await HandledAsync("user.created", subject, new() { ["email"] = $"{subject}@test.example" }, tenant);
        Assert.Equal(tenant, (string?)(await MeAsync(subject, tenant))["tenant"]!["slug"]);
    }

    [Fact]
    public async Task WhoIsSuspendedInScaiKey_IsNotMadeActiveHere()
    {
        var (tenant, user, _) = await UserAsync();
        var id = (string)(await MeAsync(user, tenant))["user"]!["id"]!;
        await HandledAsync("user.suspended", user, [], tenant);
        (await Admin.PutAsync($"/v1/users/{id}", new { status = "active" })).Error(409, "CONFLICT");
        Assert.Equal("suspended", (string?)(await Admin.PutAsync($"/v1/users/{id}", new { display_name = "Renamed" })).Ok()["status"]);
        await HandledAsync("user.activated", user, [], tenant);
        (await Admin.PutAsync($"/v1/users/{id}", new { status = "suspended" })).Ok();
        (await Admin.PutAsync($"/v1/users/{id}", new { status = "active" })).Ok();
        await HandledAsync("user.deleted", user, [], tenant);
        var refused = (await Admin.PostAsync("/v1/users", new { email = $"{Fresh.Name()}@test.example", external_id = user })).Error(409, "CONFLICT");
        Assert.Contains("identity provider", (string?)refused["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task FirstWordOfScaiKey_DoesNotOpenWhatWasShutHere()
    {
        var (tenant, external, suspended, deleted) = (await SeededTenant.CreateAsync(Grid), Fresh.Name(), Fresh.Name(), Fresh.Name());
        using var one = await Issuers.AddUserAsync(tenant, suspended);
        using var two = await Issuers.AddUserAsync(tenant, deleted);
        await Issuers.TieAsync("tenants", tenant.Id, external);
        await tenant.SuspendAsync(one);
        (await Admin.DeleteAsync($"/v1/users/{two.Id}")).NoContent();
        await HandledAsync("user.updated", suspended, new() { ["email"] = one.Email, ["status"] = "active" }, external);
        await HandledAsync("user.updated", deleted, new() { ["email"] = two.Email, ["status"] = "active" }, external);
        await StatusAsync(one, "suspended");
        (await Admin.GetAsync($"/v1/users/{two.Id}")).Error(404, "NOT_FOUND");
        await HandledAsync("user.activated", suspended, [], external);
        await StatusAsync(one, "active");
    }

    [Fact]
    public async Task EventThatOvertakesAnother_IsAskedForAgain()
    {
        var (tenant, _, _) = await UserAsync();
        var (group, user) = (Fresh.Name(), Fresh.Name());
        await HandledAsync("group.created", group, new() { ["name"] = "Group" }, tenant);
        var start = Now.AddMinutes(-1);
        var created = Event("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant, at: start);
        var added = Event("group.member_added", group, new() { ["user_id"] = user }, tenant, at: start.AddSeconds(1));
        var suspended = Event("user.suspended", user, [], tenant, at: start.AddSeconds(2));
        foreach (var early in new[] { added, suspended })
        {
            var answer = await SendAsync(early);
            answer.Error(503, "SERVICE_UNAVAILABLE");
            Assert.True(answer.Headers.ContainsKey("Retry-After"), answer.Text);
        }

        Assert.Equal((true, false), Outcome(await SendAsync(created)));
        var me = await MeAsync(user, tenant);
        Assert.Equal((true, false), Outcome(await SendAsync(added)));
        var groups = (await Admin.GetAsync($"/v1/groups?tenant_id={me["tenant"]!["id"]}")).Ok()["items"]!.AsArray();
        Assert.Equal(1, (int)(await Admin.GetAsync($"/v1/groups/{Assert.Single(groups)!["id"]}")).Ok()["member_count"]!);
        Assert.Equal((true, false), Outcome(await SendAsync(suspended)));
        Assert.Equal("suspended", (string?)(await Admin.GetAsync($"/v1/users/{me["user"]!["id"]}")).Ok()["status"]);

        // What stays impossible is left to the sync.
        var old = await SendAsync(Event("group.member_added", Fresh.Name(), new() { ["user_id"] = user }, tenant, at: Now.AddHours(-2)));
        Assert.Equal((false, false), Outcome(old));
    }

    /// <summary>A key or a role that was given while the user was being deleted.</summary>
    [Fact]
    public async Task UserWhoComesBack_HasNothingThatOutlivedTheDeletion()
    {
        var (tenant, user, email) = await UserAsync();
        var id = (string)(await MeAsync(user, tenant))["user"]!["id"]!;
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "test", assigned_user_id = id })).Created();
        using var withKey = Admin.As((string)made["key"]!);
        var room = (string)(await withKey.PostAsync("/v1/rooms", new { name = "Room" })).Created()["id"]!;
        await HandledAsync("user.deleted", user, [], tenant);
        await Services.MariaDb.ExecuteAsync(
            "UPDATE api_keys SET revoked_at = NULL WHERE user_id = @id; INSERT INTO user_roles (user_id, role) VALUES (@id, 'tenant_admin')", ("id", id));
        await HandledAsync("user.created", user, new() { ["email"] = email }, tenant);
        var me = await MeAsync(user, tenant);
        Assert.Equal((id, Roles.TenantUser), ((string?)me["user"]!["id"], (string?)Assert.Single(me["roles"]!.AsArray())));
        (await withKey.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        using var api = As(user, tenant);
        Assert.NotEqual(200, (int)(await api.GetAsync($"/v1/rooms/{room}")).Status);
    }

    private ApiDriver As(string subject, string tenant) => Issuers.As(Issuers.Issuer.Token(subject, new() { ["tenant_id"] = tenant }));

    private async Task<JsonNode> MeAsync(string subject, string tenant)
    {
        using var api = As(subject, tenant);
        return (await api.GetAsync("/v1/me")).Ok();
    }

    private async Task StatusAsync(SeededUser user, string status)
    {
        Assert.Equal(status, (string?)(await Admin.GetAsync($"/v1/users/{user.Id}")).Ok()["status"]);
        await Poll.UntilAsync(async () => await user.IsKnownAsync() == (status == "active"), "the status on the replica");
    }
}
