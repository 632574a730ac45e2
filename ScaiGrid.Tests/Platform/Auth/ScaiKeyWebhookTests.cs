using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>What ScaiKey tells by webhook, who may tell it, and what it does.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeyWebhookTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task Events_MakeTenantsAndUsers_AndTakeAccessAtOnce()
    {
        var (partner, tenant, user, email) = (Fresh.Name(), Fresh.Name(), Fresh.Name(), $"{Fresh.Name()}@test.example");
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant", ["status"] = "active" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = email.ToUpperInvariant(), ["display_name"] = "Zoë", ["status"] = "active" }, tenant);
        using var api = issuers.As(issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var me = (await api.GetAsync("/v1/me")).Ok();
        Assert.Equal(email, (string?)me["user"]!["email"]);
        Assert.Equal("Zoë", (string?)me["user"]!["display_name"]);
        Assert.Equal(tenant, (string?)me["tenant"]!["slug"]);
        Assert.Equal(partner, (string?)me["partner"]!["slug"]);
        Assert.Equal([Roles.TenantUser], me["roles"]!.AsArray().Select(role => (string?)role));
        var (_, key) = await api.CreateKeyAsync();
        using var withKey = issuers.As(key);
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

        // Back, with what new users have, and nothing of before.
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
        using var nobody = issuers.As(null);
        var tenantId = (string)(await nobody.PostAsync("/v1/auth/identify", new { email })).Ok()["tenants"]![0]!["id"]!;
        var app = new SignInDriver(nobody, email, tenantId);
        var code = await app.CodeAsync(issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), user));
        var (access, refresh) = SignInDriver.Tokens((await app.TokenAsync(code)).Ok());
        using var api = issuers.As(access);
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
        using var nobody = issuers.As(null);
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
    }

    [Fact]
    public async Task DuplicateAndOlderEvents_HaveNoEffect()
    {
        var (tenant, user, _) = await UserAsync();
        using var api = issuers.As(issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var activated = Event("user.activated", user, [], tenant, at: Now);
        Assert.Equal((true, false), Outcome(await SendAsync(activated)));
        await HandledAsync("user.suspended", user, [], tenant);
        Assert.Equal((true, true), Outcome(await SendAsync(activated)));
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");

        // Another event, of before the suspension, that was long on its way.
        Assert.Equal((true, false), Outcome(await SendAsync(Event("user.activated", user, [], tenant, at: Now.AddMinutes(-1)))));
        (await api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");

        // Twenty at once are one.
        var again = Event("user.activated", user, [], tenant);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => Outcome(await SendAsync(again))));
        Assert.Single(outcomes, outcome => outcome == (true, false));
        Assert.Equal(19, outcomes.Count(outcome => outcome == (true, true)));
        (await api.GetAsync("/v1/me")).Ok();
    }

    [Fact]
    public async Task WhatIsNotKnown_IsNotHandled_AndMayComeAgain()
    {
        Assert.Equal((false, false), Outcome(await SendAsync(Event("invoice.created", Fresh.Name(), []))));
        var (tenant, user) = (Fresh.Name(), Fresh.Name());
        var created = Event("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        Assert.Equal((false, false), Outcome(await SendAsync(created)));
        var partner = Fresh.Name();
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "P" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "T" }, partner: partner);
        Assert.Equal((true, false), Outcome(await SendAsync(created)));
    }

    [Fact]
    public async Task UnsignedOldAndAlteredEvents_AreRefused()
    {
        var (tenant, user, _) = await UserAsync();
        using var api = issuers.As(issuers.Issuer.Token(user, new() { ["tenant_id"] = tenant }));
        var body = Event("user.suspended", user, [], tenant).ToJsonString();
        var now = Now.ToUnixTimeSeconds();
        foreach (var signature in new[]
        {
            null, "", "v1=", $"t={now}", $"t={now},v1=", $"t={now},v1={new string('0', 64)}", Signature(body, now, "another secret, 0123456789"),
            Signature(body + " ", now), Signature(body, now - 301), Signature(body, now + 301), Signature(body, now).Replace("t=", "t=0", StringComparison.Ordinal),
            Signature(body, now).Replace($"t={now}", $"t={now + 1}", StringComparison.Ordinal), Signature(body, now).Replace("v1=", "v0=", StringComparison.Ordinal),
        })
        {
            (await PostAsync(body, signature)).Error(400, "BAD_REQUEST");
        }

        (await api.GetAsync("/v1/me")).Ok();
        (await PostAsync("{", Signature("{", now))).Error(400, "MALFORMED_JSON");
        (await PostAsync("{}", Signature("{}", now))).Invalid("event_id", "event_type", "timestamp", "resource.id");

        // While the secret is exchanged, one good signature of several is enough.
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

    private async Task<(string Tenant, string User, string Email)> UserAsync()
    {
        var (partner, tenant, user) = (Fresh.Name(), Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        return (tenant, user, $"{user}@test.example");
    }

    private async Task HandledAsync(string type, string id, JsonObject data, string? tenant = null, string? partner = null)
    {
        var answer = await SendAsync(Event(type, id, data, tenant, partner));
        Assert.True(Outcome(answer) == (true, false), answer.Text);
    }

    private static JsonObject Event(string type, string id, JsonObject data, string? tenant = null, string? partner = null, DateTimeOffset? at = null) => new()
    {
        ["event_id"] = $"evt-{Guid.CreateVersion7():N}",
        ["event_type"] = type,
        ["timestamp"] = (at ?? Now).ToString("O", CultureInfo.InvariantCulture),
        ["resource"] = new JsonObject { ["type"] = type.Split('.')[0], ["id"] = id },
        ["actor"] = new JsonObject { ["id"] = "someone", ["type"] = "user" },
        ["data"] = data.DeepClone(),
        ["tenant_id"] = tenant,
        ["partner_id"] = partner,
    };

    private Task<Answer> SendAsync(JsonObject told)
    {
        var body = told.ToJsonString();
        return PostAsync(body, Signature(body, Now.ToUnixTimeSeconds()));
    }

    private async Task<Answer> PostAsync(string body, string? signature, ApiDriver? to = null)
    {
        using var ours = issuers.As(null);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/webhooks/scaikey") { Content = new StringContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/json");
        request.Headers.TryAddWithoutValidation("X-ScaiKey-Signature", signature);
        using var response = await (to ?? ours).Http.SendAsync(request);
        return new Answer(
            response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.ToDictionary(header => header.Key, header => header.Value.First(), StringComparer.OrdinalIgnoreCase));
    }

    private static (bool Handled, bool Duplicate) Outcome(Answer answer) => ((bool)answer.Ok()["handled"]!, (bool)answer.Ok()["duplicate"]!);

    private static string Signature(string body, long time, string secret = IssuerGrid.WebhookSecret)
    {
        var text = time.ToString(CultureInfo.InvariantCulture);
        return $"t={text},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{text}.{body}")))}";
    }
}
