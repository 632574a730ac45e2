using System.Net;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Sign-in with an issuer whose responses the tests choose: the regular flow, and attacks on it.</summary>
[Collection(IssuerCollection.Name)]
public sealed class SignInTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    [Fact]
    public async Task SignIn_IsASession_ThatIsRefreshedAndEnded()
    {
        var person = await PersonAsync();
        var (access, refresh) = await person.SignInAsync();
        using var api = issuers.As(access);
        var me = (await api.GetAsync("/v1/auth/me")).Ok();
        Assert.Equal(person.User.Id, (string?)me["user"]!["id"]);
        (await api.ChatAsync("scailabs/echo")).Ok();

        var (nextAccess, nextRefresh) = SignInDriver.Tokens((await person.App.RefreshAsync(refresh)).Ok());
        Assert.NotEqual(refresh, nextRefresh);
        using var next = issuers.As(nextAccess);
        (await next.GetAsync("/v1/me")).Ok();

        // The refresh token is used twice, so somebody may have a copy: the session ends.
        (await person.App.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");
        (await person.App.RefreshAsync(nextRefresh)).Error(401, "SESSION_EXPIRED");
        (await next.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
        (await api.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
    }

    [Fact]
    public async Task Logout_KillsTheToken_OnEveryReplica()
    {
        var person = await PersonAsync();
        var (access, refresh) = await person.SignInAsync();
        using var here = issuers.As(access);
        using var there = issuers.As(access, issuers.OtherReplica);
        (await there.GetAsync("/v1/me")).Ok();
        (await here.PostAsync("/v1/auth/logout", new { })).NoContent();
        (await here.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
        await Poll.UntilAsync(async () => (int)(await there.GetAsync("/v1/me")).Status == 401, "the end of the session on the other replica");
        (await person.App.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");

        // A replica that starts afterwards refuses the token as well.
        var settings = Services.Settings;
        await using var late = await Replica.StartAsync(Mode.Http, settings);
        using var later = issuers.As(access, late);
        (await later.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
    }

    /// <summary>While another writer of the tenant holds the end of its audit log, neither is stored.</summary>
    [Fact]
    public async Task RefreshAndLogout_AreStoredWithTheirAuditRow()
    {
        var person = await PersonAsync();
        var (access, refresh) = await person.SignInAsync();
        using var api = issuers.As(access);
        var before = await SessionAsync();
        var refreshed = await WhileHeldAsync(() => person.App.RefreshAsync(refresh), before);
        var (_, next) = SignInDriver.Tokens(refreshed.Ok());
        var after = await SessionAsync();
        Assert.NotEqual(before, after);
        (await WhileHeldAsync(() => api.PostAsync("/v1/auth/logout", new { }), after)).NoContent();
        (await person.App.RefreshAsync(next)).Error(401, "SESSION_EXPIRED");

        async Task<Answer> WhileHeldAsync(Func<Task<Answer>> call, string unchanged)
        {
            Task<Answer> answer;
            await using (await Services.MariaDb.BeginAsync($"UPDATE audit_chains SET sequence = sequence WHERE tenant_id = '{person.Tenant.Id}'"))
            {
                answer = call();
                await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
                Assert.Equal(unchanged, await SessionAsync());
            }

            return await answer;
        }

        async Task<string> SessionAsync()
        {
            var row = await Services.MariaDb.RowAsync("SELECT refresh_hash, ended_at FROM sessions WHERE user_id = @user", ("user", person.User.Id));
            return string.Join(' ', row.Values);
        }
    }

    [Fact]
    public async Task SuspendedUser_CanNeitherCallNorRefresh()
    {
        var person = await PersonAsync();
        var (access, refresh) = await person.SignInAsync();
        using var api = issuers.As(access);
        await person.Tenant.SuspendAsync(person.User);
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 401, "the suspension");
        (await person.App.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");
    }

    [Fact]
    public async Task FlowAndCode_AreGoodOnce()
    {
        var person = await PersonAsync();
        var callback = issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject);
        var code = await person.App.CodeAsync(callback);
        using (var replay = await person.App.CallbackAsync(callback))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, replay.StatusCode);
            Assert.Contains("AUTH_FLOW_INVALID", await replay.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        (await person.App.TokenAsync(code)).Ok();
        (await person.App.TokenAsync(code)).Error(401, "AUTH_FLOW_INVALID");
    }

    [Fact]
    public async Task WrongState_IsNoFlow()
    {
        var person = await PersonAsync();
        var callback = issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject);
        var code = QueryHelpers.ParseQuery(callback.Query)["code"];
        foreach (var query in new[] { $"?code={code}", $"?code={code}&state=made-up", $"?code={code}&state=" })
        {
            using var response = await person.App.CallbackAsync(new Uri($"https://grid.example/v1/auth/callback{query}"));
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
    }

    [Fact]
    public async Task Code_IsOfNoUse_WithoutItsVerifierAndAddress()
    {
        var person = await PersonAsync();
        (await person.App.TokenAsync(await NewCodeAsync(), verifier: new string('a', 43))).Error(401, "AUTH_FLOW_INVALID");
        (await person.App.TokenAsync(await NewCodeAsync(), verifier: person.App.Challenge)).Error(401, "AUTH_FLOW_INVALID");
        (await person.App.TokenAsync(await NewCodeAsync(), redirect: "https://other.example/")).Error(401, "AUTH_FLOW_INVALID");
        (await person.App.TokenAsync(await NewCodeAsync(), verifier: "")).Invalid("code_verifier");

        async Task<string> NewCodeAsync() => await person.App.CodeAsync(issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject));
    }

    [Fact]
    public async Task PkceCannotBeWeakened()
    {
        var person = await PersonAsync();
        (await person.App.AuthorizeAsync(("code_challenge_method", "plain"))).Invalid("code_challenge_method");
        (await person.App.AuthorizeAsync(("code_challenge_method", null))).Invalid("code_challenge_method");
        (await person.App.AuthorizeAsync(("code_challenge", null))).Invalid("code_challenge", "code_challenge");
        (await person.App.AuthorizeAsync(("code_challenge", "short"))).Invalid("code_challenge");

        // The flow between the grid and the issuer is protected as well.
        var query = QueryHelpers.ParseQuery((await person.App.AuthorizeUrlAsync()).Query);
        Assert.Equal("S256", query["code_challenge_method"].ToString());
        Assert.Equal(43, query["code_challenge"].ToString().Length);
        Assert.NotEqual(person.App.Challenge, query["code_challenge"].ToString());
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("https://app.example/signed-in/../evil")]
    [InlineData("https://app.example/signed-in?next=https://evil.example")]
    [InlineData("https://app.example.evil.example/signed-in")]
    [InlineData("https://app.example@evil.example/signed-in")]
    [InlineData("HTTPS://APP.EXAMPLE/signed-in")]
    [InlineData("//app.example/signed-in")]
    [InlineData("javascript:alert(1)")]
    public async Task Redirect_GoesToTheAllowListOnly(string redirectUri)
    {
        var person = await PersonAsync();
        (await person.App.AuthorizeAsync(("redirect_uri", redirectUri))).Invalid("redirect_uri");
    }

    [Fact]
    public async Task IssuersAnswer_MustBeTheOneThatWasAskedFor()
    {
        var person = await PersonAsync();
        foreach (var claims in new Dictionary<string, object?>[]
        {
            new() { ["nonce"] = "another" },
            new() { ["aud"] = "another-client" },
            new() { ["azp"] = "another-client" },
            new() { ["iss"] = "https://evil.example" },
            new() { ["exp"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - 3600 },
        })
        {
            await RefusedAsync(person, issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject, claims));
        }

        // An injected code, a response of another issuer, and a refusal.
        var callback = issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject);
        await RefusedAsync(person, new Uri(callback.OriginalString.Replace("code=", "code=x", StringComparison.Ordinal)));
        callback = issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject);
        await RefusedAsync(person, new Uri(callback.OriginalString.Replace("iss=", "iss=x", StringComparison.Ordinal)));
        var state = QueryHelpers.ParseQuery((await person.App.AuthorizeUrlAsync()).Query)["state"];
        await RefusedAsync(person, new Uri($"https://grid.example/v1/auth/callback?error=access_denied&state={state}"));
    }

    [Fact]
    public async Task OurSecret_GoesToTheIssuerInTheHeader()
    {
        var person = await PersonAsync();
        await person.SignInAsync();
        var (form, authorization) = issuers.Issuer.Exchanges.Last();
        Assert.Equal($"Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes($"{FakeIssuer.ClientId}:{FakeIssuer.ClientSecret}"))}", authorization);
        Assert.False(form.ContainsKey("client_secret"));
        Assert.Equal("https://grid.example/v1/auth/callback", form["redirect_uri"].ToString());
        Assert.DoesNotContain(FakeIssuer.ClientSecret, issuers.Replica.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UserMadeHere_IsTiedByAVerifiedAddress_Once()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var email = user.Email;
        await Services.MariaDb.ExecuteAsync("UPDATE users SET email = @email WHERE id = @id", ("email", email), ("id", user.Id));
        using var api = issuers.As(null);
        var app = new SignInDriver(api, email.ToUpperInvariant(), tenant.Id);
        var person = new SignedInPerson(issuers, app, tenant, user, Fresh.Name());

        await RefusedAsync(person, issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject));
        await RefusedAsync(person, issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject, new() { ["email"] = email }));
        await RefusedAsync(person, issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject, new() { ["email"] = email, ["email_verified"] = false }));
        var verified = new Dictionary<string, object?> { ["email"] = email, ["email_verified"] = true };
        await app.CodeAsync(issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject, verified));
        await app.CodeAsync(issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject));

        // Another subject with the same email address is another person.
        await RefusedAsync(person, issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), Fresh.Name(), verified));
    }

    [Fact]
    public async Task WhoeverActsBeyondTheTenant_IsNotTiedByAnAddress()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.SuperAdmin);
        var email = $"{Fresh.Name()}@test.example";
        await Services.MariaDb.ExecuteAsync("UPDATE users SET email = @email WHERE id = @id", ("email", email), ("id", admin.Id));
        var person = new SignedInPerson(issuers, new SignInDriver(issuers.As(null), email, tenant.Id), tenant, admin, Fresh.Name());
        var verified = new Dictionary<string, object?> { ["email"] = email, ["email_verified"] = true };
        await RefusedAsync(person, issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject, verified));
    }

    [Fact]
    public async Task PersonOfAnotherTenant_IsNobodyHere()
    {
        var person = await PersonAsync();
        var stranger = await PersonAsync();
        await RefusedAsync(person, issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), stranger.Subject));
        var crossed = await new SignInDriver(issuers.As(null), person.User.Email, stranger.Tenant.Id).AuthorizeAsync();
        crossed.Error(404, "AUTH_IDENTITY_NOT_FOUND");
    }

    [Fact]
    public async Task TokenThatNamesAnotherTenant_SignsNobodyIn()
    {
        var person = await PersonAsync();
        var other = await SeededTenant.CreateAsync(Grid);
        foreach (var named in new[] { other.Id, "tnt_made_up" })
        {
            await RefusedAsync(person, issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject, new() { ["tenant_id"] = named }));
        }

        await person.App.CodeAsync(issuers.Issuer.SignIn(await person.App.AuthorizeUrlAsync(), person.Subject, new() { ["tenant_id"] = person.Tenant.Id }));
    }

    [Fact]
    public async Task MadeUpSessionTokens_AreRefused()
    {
        var (access, refresh) = await (await PersonAsync()).SignInAsync();
        foreach (var token in new[] { refresh, "sgt_" + refresh["sgr_".Length..], access[..^2] + "AA", "sgt_", "sgt_a.b.c", access["sgt_".Length..] })
        {
            using var api = issuers.As(token);
            Assert.Equal(401, (int)(await api.GetAsync("/v1/me")).Status);
        }

        using var nobody = issuers.As(null);
        (await nobody.PostAsync("/v1/auth/refresh", new { refresh_token = "sgr_" + access["sgt_".Length..] })).Error(401, "AUTH_TOKEN_INVALID");
        (await nobody.PostAsync("/v1/auth/refresh", new { refresh_token = access })).Error(401, "AUTH_TOKEN_INVALID");
        (await nobody.PostAsync("/v1/auth/refresh", new { })).Invalid("refresh_token");
        (await nobody.PostAsync("/v1/auth/logout", new { })).Error(401, "AUTH_TOKEN_MISSING");
    }

    private static async Task RefusedAsync(SignedInPerson person, Uri callback)
    {
        using var response = await person.App.CallbackAsync(callback);
        Assert.True(response.StatusCode == HttpStatusCode.Redirect, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal($"{person.App.RedirectUri}?state={person.App.State}&error=access_denied", response.Headers.Location!.OriginalString);
    }

    private Task<SignedInPerson> PersonAsync() => SignedInPerson.CreateAsync(Grid, issuers);
}
