using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>The whole sign-in flow, from the first request to the end of the session, with a browser on the provider's own pages.</summary>
internal static class SignInWalk
{
    /// <param name="api">A driver without a key.</param>
    /// <param name="email">The user who signs in.</param>
    /// <param name="redirectUri">The redirect URI of the application.</param>
    /// <param name="signIn">What the user does at the provider, from its first page to the final redirect.</param>
    /// <returns>The response of <c>me</c>.</returns>
    public static async Task<JsonNode> RunAsync(ApiDriver api, string email, string redirectUri, Func<Browser, Page, Task<Page>> signIn)
    {
        var identified = (await api.PostAsync("/v1/auth/identify", new { email })).Ok();
        Assert.True((bool)identified["user_exists"]!);
        var tenant = Assert.Single(identified["tenants"]!.AsArray())!;
        var app = new SignInDriver(api, email, (string)tenant["id"]!, redirectUri);

        var (access, refresh) = await SignInAsync();
        using var user = api.As(access);
        await Poll.UntilAsync(async () => (int)(await user.GetAsync("/v1/auth/me")).Status == 200, "the user who signed in");
        var me = (await user.GetAsync("/v1/auth/me")).Ok();

        // The refresh token is used twice: the session ends for both holders.
        var next = SignInDriver.Tokens((await app.RefreshAsync(refresh)).Ok());
        using var refreshed = api.As(next.Access);
        (await refreshed.GetAsync("/v1/me")).Ok();
        (await app.RefreshAsync(refresh)).Error(401, "SESSION_EXPIRED");
        (await refreshed.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
        (await app.RefreshAsync(next.Refresh)).Error(401, "SESSION_EXPIRED");

        var again = await SignInAsync();
        using var other = api.As(again.Access);
        (await other.ChatAsync("scailabs/echo")).Ok();
        (await other.PostAsync("/v1/auth/logout", new { })).NoContent();
        (await other.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
        (await app.RefreshAsync(again.Refresh)).Error(401, "SESSION_EXPIRED");
        return me;

        async Task<(string Access, string Refresh)> SignInAsync()
        {
            using var browser = new Browser();
            var arrived = await signIn(browser, await browser.OpenAsync(await app.AuthorizeUrlAsync(), redirectUri));
            Assert.True(arrived.Status is HttpStatusCode.Redirect or HttpStatusCode.SeeOther, arrived.Html);
            var query = QueryHelpers.ParseQuery(arrived.Address.Query);
            Assert.True(query.ContainsKey("code"), arrived.Address.OriginalString);
            Assert.Equal(app.State, query["state"].ToString());
            return SignInDriver.Tokens((await app.TokenAsync(query["code"].ToString())).Ok());
        }
    }
}
