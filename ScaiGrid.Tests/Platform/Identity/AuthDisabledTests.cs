using Grpc.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using ScaiGrid.Tests.Surfaces;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>SCAIGRID_AUTH_DISABLED makes every caller the first super admin, and is refused in the Production environment.</summary>
public sealed class AuthDisabledTests(Grid grid) : ServicesTest(grid)
{
    [Theory]
    [InlineData(Mode.Http, "Production")]
    [InlineData(Mode.Http, null)]
    [InlineData(Mode.Grpc, "Production")]
    public async Task InProduction_NothingStarts(Mode mode, string? environment)
    {
        var (exitCode, output) = await ModeProcess.RunToEndAsync(mode, Settings(environment), TestContext.Current.CancellationToken);
        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        Assert.Equal(
            [
                "The configuration is wrong:",
                "  - SCAIGRID_AUTH_DISABLED: everybody who reaches this process would be super admin; it is refused where the environment is Production.",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Elsewhere_EverybodyIsTheFirstSuperAdmin()
    {
        await using var api = await Replica.StartAsync(Mode.Http, Settings("Development"));
        await using var grpc = await ModeProcess.StartAsync(Mode.Grpc, Settings("Development"));
        await Poll.UntilAsync(() => Task.FromResult(api.Output.Contains("authentication_is_off", StringComparison.Ordinal)), "the warning in the log");
        var admin = (string?)(await Admin.GetAsync("/v1/me")).Ok()["user"]!["id"];
        foreach (var key in new[] { null, "sgk_0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF", "eyJ.e.e" })
        {
            using var anybody = new ApiDriver(api.BaseAddress, key);
            var me = (await anybody.GetAsync("/v1/me")).Ok();
            Assert.Equal(admin, (string?)me["user"]!["id"]);
            Assert.Equal([Roles.SuperAdmin], me["roles"]!.AsArray().Select(role => (string?)role));
            (await anybody.ChatAsync("scailabs/echo")).Ok();
            (await anybody.PostAsync("/v1/partners", new { slug = $"partner-{Fresh.Name()}" })).Created();
            await Poll.UntilAsync(async () => await GrpcIdentityTests.ChatAsync(grpc.BaseAddress, key) == StatusCode.OK, "the call over gRPC");
        }
    }

    private Dictionary<string, string> Settings(string? environment)
    {
        var settings = Services.Settings;
        settings["SCAIGRID_AUTH_DISABLED"] = "true";
        if (environment is not null)
        {
            settings["DOTNET_ENVIRONMENT"] = environment;
        }

        return settings;
    }
}
