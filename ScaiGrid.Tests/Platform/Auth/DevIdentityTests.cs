using System.Globalization;
using System.Net;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Sign-in with the AppHost's own provider: two tenants, with a user for each role.</summary>
public sealed class DevIdentityTests(Grid grid) : GridTest(grid)
{
    private AppHostProcess? _own;

    [Fact]
    public async Task EachRoleOfEachTenant_SignsIn()
    {
        // The AppHost of the embedded run, or a new one with the grid's MariaDB and Redis.
        var host = Grid.AppHost ?? (_own = await AppHostProcess.StartAsync(Grid.Services!.Settings));
        using var api = new ApiDriver(host.ApiAddress, key: null);
        using var provider = new ApiDriver(host.DevIdentityAddress, key: null);
        await Poll.UntilAsync(() => AnswersAsync(provider), "the provider's discovery document");

        // With the host name, as the AppHost registered it with the provider.
        var redirectUri = $"http://localhost:{host.ApiAddress.Port.ToString(CultureInfo.InvariantCulture)}/docs/";

        // The page does not redirect to another address, in which the code would be missing.
        using var page = await api.Http.GetAsync("/docs/?code=x");
        Assert.Equal((HttpStatusCode.OK, "?code=x"), (page.StatusCode, page.RequestMessage!.RequestUri!.Query));
        foreach (var (tenant, role) in new[] { ("acme", Roles.SuperAdmin), ("acme", Roles.TenantAdmin), ("globex", Roles.TenantUser) })
        {
            var email = $"{role}@{tenant}.example";
            var me = await SignInWalk.RunAsync(api, email, redirectUri, (browser, page) =>
            {
                Assert.Contains(email, page.Html, StringComparison.Ordinal);
                return browser.SubmitAsync(page, redirectUri, ("sign_in_as", $"dev-{tenant}-{role}"));
            });
            Assert.Equal(email, (string?)me["user"]!["email"]);
            Assert.Equal(tenant, (string?)me["tenant"]!["slug"]);
            Assert.Equal([role], me["roles"]!.AsArray().Select(held => (string?)held));
        }
    }

    [Fact]
    public async Task InProduction_TheProviderDoesNotStart()
    {
        var program = AppHostProcess.Program.Replace("ScaiGrid.AppHost", "ScaiGrid.DevIdentity", StringComparison.Ordinal);
        foreach (var environment in new[] { "Production", "" })
        {
            var (exitCode, output) = await ServerProcess.RunAsync(
                "dotnet", [program], new Dictionary<string, string?> { ["DOTNET_ENVIRONMENT"] = environment, ["ASPNETCORE_ENVIRONMENT"] = "", ["SCAIGRID_SCAIKEY_CLIENT_SECRET"] = "x" });
            Assert.Equal(78, exitCode);
            Assert.Contains("starts where the environment is Development", output, StringComparison.Ordinal);
        }
    }

    private static async Task<bool> AnswersAsync(ApiDriver provider)
    {
        try
        {
            return (await provider.GetAsync("/.well-known/openid-configuration")).Status == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }

        await base.DisposeAsync();
    }
}
