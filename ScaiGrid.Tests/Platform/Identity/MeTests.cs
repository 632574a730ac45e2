using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

public sealed class MeTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Me_TellsWhoTheCallerIs()
    {
        var me = (await Admin.GetAsync("/v1/me")).Ok();
        Assert.StartsWith("usr_", (string?)me["user"]!["id"], StringComparison.Ordinal);
        Assert.Contains('@', (string)me["user"]!["email"]!);
        Assert.Equal("Administrator", (string?)me["user"]!["display_name"]);
        Assert.StartsWith("tnt_", (string?)me["tenant"]!["id"], StringComparison.Ordinal);
        Assert.Equal("default", (string?)me["tenant"]!["slug"]);
        Assert.StartsWith("prt_", (string?)me["partner"]!["id"], StringComparison.Ordinal);
        Assert.Equal("internal", (string?)me["partner"]!["slug"]);
        Assert.Equal(["super_admin"], me["roles"]!.AsArray().Select(role => (string?)role));
        Assert.Equal(Permissions.All.Order(StringComparer.Ordinal), me["permissions"]!.AsArray().Select(permission => (string)permission!));
    }

    [Fact]
    public async Task AuthMe_IsTheSame() => Assert.Equal((await Admin.GetAsync("/v1/me")).Text, (await Admin.GetAsync("/v1/auth/me")).Text);

    [Fact]
    public async Task ServiceToken_MayListAndUseModelsOnly()
    {
        using var service = Admin.As(Secrets.ServiceToken);
        var me = (await service.GetAsync("/v1/me")).Ok();
        Assert.Equal("service:tests", (string?)me["user"]!["id"]);
        Assert.Equal("default", (string?)me["tenant"]!["slug"]);
        Assert.Equal(["models:list", "models:use"], me["permissions"]!.AsArray().Select(permission => (string?)permission));
        (await service.ChatAsync("scailabs/echo")).Ok();
        (await service.GetAsync("/v1/api-keys")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await service.GetAsync("/v1/accounting/usage")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }
}
