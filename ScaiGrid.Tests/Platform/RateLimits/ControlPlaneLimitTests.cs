using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.RateLimits;

/// <summary>The limit on control-plane calls of authenticated callers.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class ControlPlaneLimitTests
{
    private const string Echo = "scailabs/echo";
    private const string Setting = "SCAIGRID_RATE_LIMIT_CONTROL_RPM";
    private const int Limit = 12;

    [Fact]
    public async Task RefusedWrites_AreLimitedOverReplicas_AndLeaveNoMoreAuditRows()
    {
        await using var grid = await StartAsync(Limit);
        using var reader = await AddSuperAdminAsync(grid);
        var tries = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => grid.Admins[i % 2].DeleteAsync("/v1/api-keys/apikey_none")));
        Assert.Equal(Limit - 2, tries.Count(answer => (int)answer.Status == 404));
        var refused = tries.First(answer => (int)answer.Status != 404);
        var error = refused.Error(429, "RATE_LIMITED");
        Assert.Equal("The user's limit of 12 control-plane calls a minute is reached.", (string?)error["message"]);
        Assert.InRange((int)error["retry_after"]!, 1, 61);
        Assert.Equal(refused.Headers["Retry-After"], error["retry_after"]!.ToString());
        Assert.Equal(("12", "0"), (refused.Headers["X-Scaigrid-Ratelimit-Limit"], refused.Headers["X-Scaigrid-Ratelimit-Remaining"]));
        Assert.InRange(long.Parse(refused.Headers["X-Scaigrid-Ratelimit-Reset"], CultureInfo.InvariantCulture) - TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0, 62);

        // The limit is checked before the permission, and its error has the format of the surface.
        (await grid.Admins[1].GetAsync("/oai/v1/files")).OpenAiError(429, "rate_limited");
        Assert.Equal(Limit - 2, (await reader.AuditAsync("action=api_key.revoke")).Count);
        (await reader.GetAsync("/v1/audit-log/verify")).Ok();
    }

    [Fact]
    public async Task CallsWithoutThePermission_AreLimited_BeforeTheyAreRecorded()
    {
        await using var grid = await StartAsync(Limit);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        using var viewer = await tenant.AddUserAsync(Roles.TenantViewer);
        for (var i = 0; i < Limit; i++)
        {
            (await viewer.Api.PostAsync("/v1/users", new { })).Error(403, "AUTHZ_PERMISSION_DENIED");
        }

        (await viewer.Api.PostAsync("/v1/users", new { })).Error(429, "RATE_LIMITED");
        Assert.Equal(Limit, (await grid.Admin.AuditAsync("action=user.create&status=FAILURE")).Count);
    }

    [Fact]
    public async Task Window_IsTheUsers_AndCallsOfModelsAreNotInIt()
    {
        await using var grid = await StartAsync(Limit, withGrpc: true);
        var (_, key) = await grid.Admin.CreateKeyAsync();
        for (var i = 0; i < Limit + 3; i++)
        {
            (await grid.Admin.ChatAsync(Echo)).Ok();
        }

        // Calls over gRPC and with another key of the user count in the same window.
        Assert.Equal(StatusCode.OK, await ListAsync());
        using var other = grid.Admin.As(key);
        for (var i = 2; i < Limit; i++)
        {
            (await other.GetAsync("/v1/me")).Ok();
        }

        (await grid.Admin.GetAsync("/v1/me")).Error(429, "RATE_LIMITED");
        Assert.Equal(StatusCode.ResourceExhausted, await ListAsync());
        (await grid.Admin.ChatAsync(Echo, path: "/oai/v1/chat/completions")).Body();
        using var channel = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
        var request = new ChatRequest { Model = Echo, Messages = { new ChatMessage { Role = "user", Content = "hi" } } };
        await new InferenceService.InferenceServiceClient(channel).ChatAsync(request, Credentials(Secrets.AdminKey));

        async Task<StatusCode> ListAsync()
        {
            using var open = GrpcChannel.ForAddress(grid.Grpc!.BaseAddress);
            try
            {
                await new InferenceService.InferenceServiceClient(open).ListModelsAsync(new ListModelsRequest(), Credentials(Secrets.AdminKey));
                return StatusCode.OK;
            }
            catch (RpcException exception)
            {
                Assert.Equal("RATE_LIMITED", exception.Trailers.GetValue("scaigrid-error-code"));
                return exception.StatusCode;
            }
        }
    }

    /// <summary>FailClosed does not apply: operators need the control plane most during a failure.</summary>
    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task RedisAway_LimitsLocally(string failClosed)
    {
        await using var grid = await StartAsync(4, failClosed: failClosed);
        (await grid.Admin.GetAsync("/v1/me")).Ok();
        await grid.Redis!.KillAsync();
        foreach (var admin in grid.Admins)
        {
            for (var i = 0; i < 4; i++)
            {
                (await admin.GetAsync("/v1/me")).Ok();
            }

            (await admin.GetAsync("/v1/me")).Error(429, "RATE_LIMITED");
        }

        await grid.Redis.RestartAsync();
        await Poll.UntilAsync(async () => (int)(await grid.Admin.GetAsync("/v1/me")).Status == 200, "Redis to be used again");
    }

    /// <summary>That no window exists proves more than many successful calls, which may not fill a window on a slow machine.</summary>
    [Theory]
    [InlineData(0, 200, 0)]
    [InlineData(1, 429, 1)]
    public async Task Zero_IsNoLimit_AndCountsNothing(int limit, int second, int windows)
    {
        await using var grid = await StartAsync(limit);
        (await grid.Admins[0].GetAsync("/v1/me")).Ok();
        Assert.Equal(second, (int)(await grid.Admins[1].GetAsync("/v1/me")).Status);
        Assert.Equal(windows, await grid.Redis!.CountKeysAsync("scaigrid:limit:*:c:*"));
    }

    private static Task<SmallGrid> StartAsync(int limit, bool withGrpc = false, string failClosed = "false") => SmallGrid.StartAsync(
        withGrpc: withGrpc,
        settings: new Dictionary<string, string> { [Setting] = $"{limit}", ["SCAIGRID_RATE_LIMIT_FAIL_CLOSED"] = failClosed });

    /// <summary>Takes two calls of the admin.</summary>
    private static async Task<ApiDriver> AddSuperAdminAsync(SmallGrid grid)
    {
        var user = (await grid.Admin.PostAsync("/v1/users", new { email = "reader@test.example", display_name = "Reader", roles = new[] { Roles.SuperAdmin } })).Created();
        var key = (await grid.Admin.PostAsync("/v1/api-keys", new { name = "reader", assigned_user_id = (string)user["id"]! })).Created();
        return grid.Admin.As((string)key["key"]!);
    }

    private static Metadata Credentials(string key) => new() { { "authorization", $"Bearer {key}" } };
}
