using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>An office with one address: its people sign in as often as they like, and only what is refused counts as an attempt.</summary>
[Collection(IssuerCollection.Name)]
public sealed class SignInLimitTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    private const int Attempts = 10;

    [Fact]
    public async Task RefusedCallsCount_AndSuccessfulOnesDoNot()
    {
        var person = await SignedInPerson.CreateAsync(Grid, issuers);
        await using var replica = await StartAsync();
        using var office = issuers.As(null, replica);
        office.Http.DefaultRequestHeaders.Add("X-Forwarded-For", Address());
        var app = new SignInDriver(office, person.User.Email, person.Tenant.Id);
        var refresh = "";
        for (var i = 0; i < Attempts; i++)
        {
            (await office.PostAsync("/v1/auth/identify", new { email = person.User.Email })).Ok();
            var code = await app.CodeAsync(issuers.Issuer.SignIn(await app.AuthorizeUrlAsync(), person.Subject));
            refresh = SignInDriver.Tokens((await app.TokenAsync(code)).Ok()).Refresh;
            refresh = SignInDriver.Tokens((await app.RefreshAsync(refresh)).Ok()).Refresh;
        }

        // Refused calls of all kinds share one window.
        using var stranger = issuers.As("sgk_wrong-key-0123456789abcdefghijklmnopqrstuv", replica);
        stranger.Http.DefaultRequestHeaders.Add("X-Forwarded-For", office.Http.DefaultRequestHeaders.GetValues("X-Forwarded-For"));
        var refused = new Func<Task<Answer>>[]
        {
            () => app.RefreshAsync("sgr_wrong"), () => app.TokenAsync("sgc_wrong"), () => stranger.GetAsync("/v1/me"),
            () => office.GetAsync("/v1/auth/callback?state=wrong&code=wrong"), () => office.PostAsync("/v1/auth/identify", new { }),
            () => office.SendAsync(HttpMethod.Post, "/v1/auth/token", "{"), () => office.SendAsync(HttpMethod.Post, "/v1/auth/refresh", ""),
        };
        for (var i = 0; i < Attempts; i++)
        {
            var answer = await refused[i % refused.Length]();
            Assert.True((int)answer.Status is >= 400 and < 429 and not 404, answer.Text);
        }

        foreach (var call in refused)
        {
            (await call()).Error(429, "RATE_LIMITED");
        }

        // Not even then is a colleague kept out.
        (await app.RefreshAsync(refresh)).Ok();
    }

    [Fact]
    public async Task Session_IsRefreshedSixtyTimesAMinute()
    {
        var person = await SignedInPerson.CreateAsync(Grid, issuers);
        var (_, refresh) = await person.SignInAsync();
        var (_, other) = await person.SignInAsync();
        Answer? answer = null;
        for (var i = 0; i <= 60 && answer?.Status is null or System.Net.HttpStatusCode.OK; i++)
        {
            answer = await person.App.RefreshAsync(refresh);
            refresh = (int)answer.Status == 200 ? SignInDriver.Tokens(answer.Ok()).Refresh : refresh;
        }

        answer!.Error(429, "RATE_LIMITED");
        (await person.App.RefreshAsync(other)).Ok();
    }

    /// <summary>An address of this test alone: the windows are the grid's.</summary>
    private static string Address() => $"2001:db8:{Random.Shared.Next(0x10000):x}:{Random.Shared.Next(0x10000):x}::1";

    private Task<ModeProcess> StartAsync()
    {
        var settings = Services.Settings;
        foreach (var (name, value) in IssuerGrid.Settings(issuers.Issuer))
        {
            settings[name] = value;
        }

        settings["SCAIGRID_RATE_LIMIT_ADDRESS_RPM"] = $"{Attempts}";
        return Replica.StartAsync(Mode.Http, settings);
    }
}
