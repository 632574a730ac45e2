using System.Globalization;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Sign-in with a third-party provider (npm's oidc-provider, installed by ./test), configured with settings only.</summary>
public sealed class OidcProviderTests(Grid grid) : ServicesTest(grid)
{
    private const string ClientSecret = "secret-of-the-other-provider-0123456789";

    [Fact]
    public async Task UserMadeHere_SignsInThere()
    {
        var (port, apiPort) = (FreePort.Next(), FreePort.Next());
        var publicUrl = $"http://localhost:{apiPort.ToString(CultureInfo.InvariantCulture)}";
        await using var provider = await ServerProcess.StartAsync(
            Requirement.Program("node", "nodejs"),
            [
                Path.Combine(Repository.Root, "ScaiGrid.Tests", "Support", "oidc-provider", "server.mjs"),
                port.ToString(CultureInfo.InvariantCulture), ClientSecret, $"{publicUrl}/v1/auth/callback",
            ],
            port);
        var settings = Services.Settings;
        settings["SCAIGRID_HTTP_PORT"] = apiPort.ToString(CultureInfo.InvariantCulture);
        settings["SCAIGRID_PUBLIC_URL"] = publicUrl;
        settings["SCAIGRID_SCAIKEY_ISSUER"] = $"http://127.0.0.1:{port}";
        settings["SCAIGRID_SCAIKEY_CLIENT_ID"] = "scaigrid";
        settings["SCAIGRID_SCAIKEY_CLIENT_SECRET"] = ClientSecret;
        settings["SCAIGRID_SCAIKEY_SCOPES"] = "openid email";
        settings["SCAIGRID_AUTH_REDIRECT_URIS"] = IssuerGrid.RedirectUri;

        // All tests have the same client address.
        settings["SCAIGRID_AUTH_ATTEMPTS_PER_MINUTE"] = "1000000";
        await using var replica = await Replica.StartAsync(Mode.Http, settings);

        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var email = $"{Fresh.Name()}@test.example";
        await Services.MariaDb.ExecuteAsync("UPDATE users SET email = @email WHERE id = @id", ("email", email), ("id", user.Id));
        using var api = new ApiDriver(replica.BaseAddress, key: null);
        var me = await SignInWalk.RunAsync(api, email, IssuerGrid.RedirectUri, async (browser, page) =>
        {
            var consent = await browser.SubmitAsync(page, IssuerGrid.RedirectUri, ("login", email), ("password", "any"));
            return consent.Html.Length == 0 ? consent : await browser.SubmitAsync(consent, IssuerGrid.RedirectUri);
        });
        Assert.Equal(user.Id, (string?)me["user"]!["id"]);
        Assert.Equal([Roles.TenantUser], me["roles"]!.AsArray().Select(role => (string?)role));
    }
}
