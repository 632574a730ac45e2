using System.Globalization;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Which change wins: between ScaiKey's events, and between events and changes by administrators here.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeyDirectoryTests(Grid grid, IssuerGrid issuers) : ScaiKeyTest(grid, issuers)
{
    [Fact]
    public async Task EventsOfOneUserAtOnce_LeaveWhatTheNewestSays()
    {
        var (tenant, _, _) = await UserAsync();
        var (user, start) = (Fresh.Name(), Now.AddMinutes(-4));
        await SendAsync(Event("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant, at: start));
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        (await api.GetAsync("/v1/me")).Ok();
        for (var round = 0; round < 10; round++)
        {
            var at = start.AddSeconds(round * 5);
            var events = Enumerable.Range(1, 4).Select(i => Event(i == 4 ? "user.suspended" : "user.activated", user, [], tenant, at: at.AddSeconds(i)));
            var answers = await Task.WhenAll(events.Select(SendAsync));
            Assert.All(answers, answer => Assert.Equal((true, false), Outcome(answer)));
            (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        }

        // Neither of two concurrent events that create the same user is lost.
        var (one, two) = (Fresh.Name(), Fresh.Name());
        var made = await Task.WhenAll(new[] { one, one, two, two }.Select(id => SendAsync(Event("user.created", id, new() { ["email"] = $"{id}@test.example" }, tenant))));
        Assert.All(made, answer => Assert.Equal((true, false), Outcome(answer)));
    }

    [Fact]
    public async Task ClockThatIsAhead_DoesNotSilenceWhatFollows()
    {
        var (tenant, user, _) = await UserAsync();
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        Assert.Equal((true, false), Outcome(await SendAsync(Event("user.activated", user, [], tenant, at: Now.AddDays(1)))));
        await HandledAsync("user.suspended", user, [], tenant);
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task WhoWasShutOutHere_StaysOut_UntilScaiKeySaysAnotherWord()
    {
        var (tenant, user, email) = await UserAsync();
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var id = (string)(await api.GetAsync("/v1/me")).Ok()["user"]!["id"]!;
        (await Admin.PutAsync($"/v1/users/{id}", new { status = "suspended" })).Ok();
        await HandledAsync("user.updated", user, new() { ["email"] = email, ["status"] = "active", ["display_name"] = "Renamed" }, tenant);
        Assert.Equal(("suspended", "Renamed"), await UserIsAsync());
        await HandledAsync("user.activated", user, [], tenant);
        Assert.Equal(("active", "Renamed"), await UserIsAsync());

        (await Admin.DeleteAsync($"/v1/users/{id}")).NoContent();
        await HandledAsync("user.updated", user, new() { ["email"] = email, ["status"] = "active" }, tenant);
        (await Admin.GetAsync($"/v1/users/{id}")).Error(404, "NOT_FOUND");

        async Task<(string? Status, string? Name)> UserIsAsync()
        {
            var view = (await Admin.GetAsync($"/v1/users/{id}")).Ok();
            return ((string?)view["status"], (string?)view["display_name"]);
        }
    }

    /// <summary>What ScaiKey says cannot be refused: it would say it again and again.</summary>
    [Fact]
    public async Task HiddenCharactersOfAName_AreLeftOut_AndAnAddressWithThemIsNoNews()
    {
        var (tenant, user, email) = await UserAsync();
        await HandledAsync("user.updated", user, new() { ["email"] = $"x\n{email}", ["display_name"] = "A\0d\u202ea\n" }, tenant);
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var me = (await api.GetAsync("/v1/me")).Ok()["user"]!;
        Assert.Equal(("Ada", email), ((string?)me["display_name"], (string?)me["email"]));

        // Nothing is left of this name.
        await HandledAsync("user.updated", user, new() { ["email"] = email, ["display_name"] = "\u2066\u2069" }, tenant);
        Assert.Equal("Ada", (string?)(await api.GetAsync("/v1/me")).Ok()["user"]!["display_name"]);
    }

    [Fact]
    public async Task UserWhoMovesToAnotherTenant_HasNothingLeftInTheOldOne()
    {
        var (tenant, user, email) = await UserAsync();
        var (other, _, _) = await UserAsync();
        using var before = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        using var after = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = other }));
        using var withKey = Issuers.As((await before.CreateKeyAsync()).Key);
        (await withKey.GetAsync("/v1/me")).Ok();
        await HandledAsync("user.updated", user, new() { ["email"] = email }, other);
        (await before.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        (await withKey.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        Assert.Equal(other, (string?)(await after.GetAsync("/v1/me")).Ok()["tenant"]!["slug"]);

        // A deletion event may lack the tenant.
        await HandledAsync("user.deleted", user, []);
        (await after.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task DeletedPartner_TakesItsTenantsCallsInFlightAlong()
    {
        var (partner, tenant, user) = (Fresh.Name(), Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        var name = $"upstream-{Fresh.Name()}";
        Grid.Upstream.Play(name, new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 1000)], ChunkDelay = TimeSpan.FromMilliseconds(300) });
        var model = await Admin.ConnectAsync(Grid.Upstream.BaseUrl, name);
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        await Issuers.Replica.CatchUpAsync(Admin);
        using var stream = await api.StreamAsync(model);
        Assert.Null((await stream.NextAsync())!.Name);
        await HandledAsync("partner.deleted", partner, []);
        Assert.Equal("AUTH_TOKEN_INVALID", (string?)(await stream.AllAsync())[^2].Json["code"]);

        // An event that reports the tenant as active, as it was before, does not reactivate it.
        await HandledAsync("tenant.updated", tenant, new() { ["status"] = "active" }, partner: partner);
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task MemberAndMappingAddedAtOnce_GiveTheLastingRole()
    {
        var (tenant, user, _) = await UserAsync();
        var group = Fresh.Name();
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        await HandledAsync("group.created", group, new() { ["name"] = "Group" }, tenant);
        var me = (await api.GetAsync("/v1/me")).Ok();
        var id = (string)(await Admin.GetAsync($"/v1/groups?tenant_id={(string)me["tenant"]!["id"]!}")).Ok()["items"]![0]!["id"]!;

        // Every write of the hot path's snapshot waits for this row before its commit.
        var held = await Services.MariaDb.BeginAsync("SELECT * FROM snapshot_revision FOR UPDATE");
        Task<Answer> mapped;
        Task added;
        await using (held)
        {
            mapped = Admin.PostAsync("/v1/role-mappings", new { group_id = id, role = Roles.TenantAdmin, auto_revoke = false });
            await WaitingAsync(1);
            added = HandledAsync("group.member_added", group, new() { ["user_id"] = user }, tenant);
            await WaitingAsync(2);
        }

        (await mapped).Created();
        await added;
        Assert.Contains(Roles.TenantAdmin, (await Admin.GetAsync($"/v1/users/{(string)me["user"]!["id"]!}")).Ok()["roles"]!.AsArray().Select(role => (string?)role));

        Task<TimeSpan> WaitingAsync(int count) => Poll.UntilAsync(
            async () => int.Parse(
                (await Services.MariaDb.RowAsync(
                    "SELECT COUNT(*) n FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query' AND time_ms > 200 AND "
                    + "(INSTR(info, 'snapshot_revision') > 0 OR INSTR(info, 'lasting_roles/') > 0)"))["n"],
                CultureInfo.InvariantCulture) >= count,
            $"{count} writes to wait");
    }

    [Fact]
    public async Task MappedRole_IsHeldThroughGroupsInGroups_AndGoesWithTheMembership()
    {
        var (tenant, user, _) = await UserAsync();
        var (outer, inner) = (Fresh.Name(), Fresh.Name());
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        await HandledAsync("group.created", outer, new() { ["name"] = "Outer" }, tenant);
        await HandledAsync("group.created", inner, new() { ["name"] = "Inner" }, tenant);
        var tenantId = (string)(await api.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        var groups = (await Admin.GetAsync($"/v1/groups?tenant_id={tenantId}")).Ok()["items"]!.AsArray();
        var outerId = (string)groups.Single(group => (string?)group!["external_id"] == outer)!["id"]!;
        (await Admin.PostAsync("/v1/role-mappings", new { group_id = outerId, role = Roles.TenantAdmin, auto_revoke = true })).Created();

        await HandledAsync("group.member_added", outer, new() { ["group_id"] = inner }, tenant);
        Assert.False(await IsAdminAsync());
        await HandledAsync("group.member_added", inner, new() { ["user_id"] = user }, tenant);
        Assert.True(await IsAdminAsync());
        await HandledAsync("group.member_removed", outer, new() { ["group_id"] = inner }, tenant);
        Assert.False(await IsAdminAsync());
        await HandledAsync("group.member_added", outer, new() { ["group_id"] = inner }, tenant);
        Assert.True(await IsAdminAsync());
        await HandledAsync("group.deleted", outer, [], tenant);
        Assert.False(await IsAdminAsync());

        async Task<bool> IsAdminAsync() => (await api.GetAsync("/v1/me")).Ok()["roles"]!.AsArray().Any(role => (string?)role == Roles.TenantAdmin);
    }
}
