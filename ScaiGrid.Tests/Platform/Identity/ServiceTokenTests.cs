using Grpc.Core;
using ScaiGrid.Tests.Surfaces;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>A service token can be replaced without a moment in which neither token works.</summary>
public sealed class ServiceTokenTests(Grid grid) : ServicesTest(grid)
{
    private const string Old = "svc-old-token-0123456789abcdefghijklmnop";
    private const string New = "svc-new-token-0123456789abcdefghijklmnop";

    [Fact]
    public async Task TwoTokensOfOneName_AreTheSameService_UntilTheOldOneIsTakenOut()
    {
        var settings = Services.Settings;
        settings["SCAIGRID_SERVICE_TOKENS"] = $"indexer:{Old},indexer:{New}";
        await using (var api = await Replica.StartAsync(Mode.Http, settings))
        {
            await using var grpc = await ModeProcess.StartAsync(Mode.Grpc, settings);
            foreach (var token in (string[])[Old, New])
            {
                using var service = new ApiDriver(api.BaseAddress, token);
                Assert.Equal("service:indexer", (string?)(await service.GetAsync("/v1/me")).Ok()["user"]!["id"]);
                (await service.ChatAsync("scailabs/echo")).Ok();
                await Poll.UntilAsync(async () => await GrpcIdentityTests.ChatAsync(grpc.BaseAddress, token) == StatusCode.OK, "the token over gRPC");
            }
        }

        settings["SCAIGRID_SERVICE_TOKENS"] = $"indexer:{New}";
        await using var later = await Replica.StartAsync(Mode.Http, settings);
        using var current = new ApiDriver(later.BaseAddress, New);
        using var past = new ApiDriver(later.BaseAddress, Old);
        (await current.ChatAsync("scailabs/echo")).Ok();
        (await past.ChatAsync("scailabs/echo")).Error(401, "AUTH_TOKEN_INVALID");
    }
}
