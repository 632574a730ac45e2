using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Webhook events of ScaiKey: who may send them, and their effects.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeyWebhookTests(Grid grid, IssuerGrid issuers) : ScaiKeyTest(grid, issuers)
{
    [Fact]
    public async Task Events_MakeTenantsAndUsers_AndTakeAccessAtOnce()
    {
        var (partner, tenant, user, email) = (Fresh.Name(), Fresh.Name(), Fresh.Name(), $"{Fresh.Name()}@test.example");
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant", ["status"] = "active" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = email.ToUpperInvariant(), ["display_name"] = "Zoë", ["status"] = "active" }, tenant);
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var me = (await api.GetAsync("/v1/me")).Ok();
        Assert.Equal(email, (string?)me["user"]!["email"]);
        Assert.Equal("Zoë", (string?)me["user"]!["display_name"]);
        Assert.Equal(tenant, (string?)me["tenant"]!["slug"]);
        Assert.Equal(partner, (string?)me["partner"]!["slug"]);
        Assert.Equal([Roles.TenantUser], me["roles"]!.AsArray().Select(role => (string?)role));
        var (_, key) = await api.CreateKeyAsync();
        using var withKey = Issuers.As(key);
        (await withKey.GetAsync("/v1/me")).Ok();

        foreach (var (shut, open) in new (Func<Task>, Func<Task>)[]
        {
            (() => HandledAsync("user.suspended", user, [], tenant), () => HandledAsync("user.activated", user, [], tenant)),
            (() => HandledAsync("user.updated", user, new() { ["status"] = "suspended" }, tenant), () => HandledAsync("user.updated", user, new() { ["status"] = "active" }, tenant)),
            (() => HandledAsync("tenant.updated", tenant, new() { ["status"] = "suspended" }), () => HandledAsync("tenant.updated", tenant, new() { ["status"] = "active" })),
        })
        {
            await shut();
            (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
            (await withKey.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
            await open();
            (await api.GetAsync("/v1/me")).Ok();
            (await withKey.GetAsync("/v1/me")).Ok();
        }

        await HandledAsync("user.deleted", user, [], tenant);
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");

        // The user comes back with the permissions of a new user, and without those of before.
        await HandledAsync("user.created", user, new() { ["email"] = email }, tenant);
        (await api.GetAsync("/v1/me")).Ok();
        (await withKey.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        await HandledAsync("tenant.deleted", tenant, []);
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task DeletedUser_HasNoSession_AlsoWhenTheyComeBack()
    {
        var (tenant, user, email) = await UserAsync();
        using var nobody = Issuers.As(null);
        var tenantId = (string)(await nobody.PostAsync("/v1/auth/identify", new { email })).Ok()["tenants"]![0]!["id"]!;
        var app = new SignInDriver(nobody, email, tenantId);
        var code = await app.CodeAsync(Issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), user));
        var (access, refresh) = SignInDriver.Tokens((await app.TokenAsync(code)).Ok());
        using var api = Issuers.As(access);
        (await api.GetAsync("/v1/me")).Ok();
        await HandledAsync("user.deleted", user, [], tenant);
        Assert.Equal(401, (int)(await api.GetAsync("/v1/me")).Status);
        await HandledAsync("user.created", user, new() { ["email"] = email }, tenant);
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 401, "the end of the session");
        (await app.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");
    }

    [Fact]
    public async Task Groups_HaveTheirMembers()
    {
        var (tenant, user, email) = await UserAsync();
        var group = Fresh.Name();
        await HandledAsync("group.created", group, new() { ["name"] = "Admins" }, tenant);
        await HandledAsync("group.member_added", group, new() { ["user_id"] = user }, tenant);
        using var nobody = Issuers.As(null);
        var tenantId = (string)(await nobody.PostAsync("/v1/auth/identify", new { email })).Ok()["tenants"]![0]!["id"]!;
        var listed = (await Admin.GetAsync($"/v1/groups?tenant_id={tenantId}")).Ok()["items"]!.AsArray();
        var id = (string)Assert.Single(listed)!["id"]!;
        Assert.Equal(1, (int)(await Admin.GetAsync($"/v1/groups/{id}")).Ok()["member_count"]!);
        await HandledAsync("group.updated", group, new() { ["name"] = "Owners" }, tenant);
        Assert.Equal("Owners", (string?)(await Admin.GetAsync($"/v1/groups/{id}")).Ok()["name"]);
        await HandledAsync("group.member_removed", group, new() { ["user_id"] = user }, tenant);
        Assert.Equal(0, (int)(await Admin.GetAsync($"/v1/groups/{id}")).Ok()["member_count"]!);
        await HandledAsync("group.deleted", group, [], tenant);
        (await Admin.GetAsync($"/v1/groups/{id}")).Error(404, "NOT_FOUND");

        // It was one already.
        await HandledAsync("group.member_removed", group, new() { ["user_id"] = user }, tenant);
    }

    [Fact]
    public async Task DuplicateAndOlderEvents_HaveNoEffect()
    {
        var (tenant, user, _) = await UserAsync();
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var activated = Event("user.activated", user, [], tenant, at: Now);
        Assert.Equal((true, false), Outcome(await SendAsync(activated)));
        await HandledAsync("user.suspended", user, [], tenant);
        Assert.Equal((true, true), Outcome(await SendAsync(activated)));
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");

        // A different event from before the suspension, which arrives late.
        Assert.Equal((true, false), Outcome(await SendAsync(Event("user.activated", user, [], tenant, at: Now.AddMinutes(-1)))));
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");

        // Of twenty concurrent copies only one is handled.
        var again = Event("user.activated", user, [], tenant);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => Outcome(await SendAsync(again))));
        Assert.Single(outcomes, outcome => outcome == (true, false));
        Assert.Equal(19, outcomes.Count(outcome => outcome == (true, true)));
        (await api.GetAsync("/v1/me")).Ok();
    }

    [Fact]
    public async Task ManyEvents_AreNotLimitedByAddress_AndUnsignedOnesAre()
    {
        var (tenant, user, _) = await UserAsync();
        var settings = Services.Settings;
        foreach (var (name, value) in IssuerGrid.Settings(Issuers.Issuer))
        {
            settings[name] = value;
        }

        settings["SCAIGRID_RATE_LIMIT_ADDRESS_RPM"] = "20";
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var limited = Issuers.As(null, replica);
        var events = Enumerable.Range(0, 30).Select(_ => Event("user.updated", user, [], tenant).ToJsonString()).ToList();
        foreach (var body in events)
        {
            Assert.Equal((true, false), Outcome(await PostAsync(body, Signature(body, Now.ToUnixTimeSeconds()), limited)));
        }

        var answers = new List<Answer>();
        for (var i = 0; i < 30; i++)
        {
            answers.Add(await PostAsync(events[0], "t=1,v1=00", limited));
        }

        Assert.Contains(answers, answer => (int)answer.Status == 400);
        Assert.Contains(answers, answer => (int)answer.Status == 429);
        var again = Event("user.suspended", user, [], tenant).ToJsonString();
        Assert.Equal((true, false), Outcome(await PostAsync(again, Signature(again, Now.ToUnixTimeSeconds()), limited)));
    }

    [Fact]
    public async Task WhatIsNotKnown_IsNotHandled_AndMayComeAgain()
    {
        Assert.Equal((false, false), Outcome(await SendAsync(Event("invoice.created", Fresh.Name(), []))));
        var (tenant, user) = (Fresh.Name(), Fresh.Name());
        var created = Event("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        (await SendAsync(created)).Error(503, "SERVICE_UNAVAILABLE");
        var partner = Fresh.Name();
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "P" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "T" }, partner: partner);
        Assert.Equal((true, false), Outcome(await SendAsync(created)));
    }

    [Fact]
    public async Task UnsignedOldAndAlteredEvents_AreRefused()
    {
        var (tenant, user, _) = await UserAsync();
        using var api = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var body = Event("user.suspended", user, [], tenant).ToJsonString();
        var now = Now.ToUnixTimeSeconds();

        // The timestamp in the future must still be too far ahead when the request is sent.
        foreach (var signature in new[]
        {
            null, "", "v1=", $"t={now}", $"t={now},v1=", $"t={now},v1={new string('0', 64)}", Signature(body, now, "another secret, 0123456789"),
            Signature(body + " ", now), Signature(body, now - 301), Signature(body, now + 301 + 60), Signature(body, now).Replace("t=", "t=0", StringComparison.Ordinal),
            Signature(body, now).Replace($"t={now}", $"t={now + 1}", StringComparison.Ordinal), Signature(body, now).Replace("v1=", "v0=", StringComparison.Ordinal),
        })
        {
            (await PostAsync(body, signature)).Error(400, "BAD_REQUEST");
        }

        (await api.GetAsync("/v1/me")).Ok();
        (await PostAsync("{", Signature("{", now))).Error(400, "MALFORMED_JSON");
        (await PostAsync("{}", Signature("{}", now))).Invalid("event_id", "event_type", "timestamp", "resource.id");

        // While the secret is rotated, one valid signature of several is enough.
        var two = $"{Signature(body, now, "another secret, 0123456789")},v1={Signature(body, now).Split("v1=")[1]}";
        Assert.Equal((true, false), Outcome(await PostAsync(body, two)));
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task WithoutASecret_NothingIsTaken()
    {
        var body = Event("user.suspended", "someone", []).ToJsonString();
        using var api = Admin.As(null);
        (await PostAsync(body, Signature(body, Now.ToUnixTimeSeconds()), api)).Error(503, "SERVICE_UNAVAILABLE");
    }
}
