using System.Collections.Concurrent;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>Writes of one tenant share the end of its audit chain and the snapshot's revision. They wait for each other, and none fails.</summary>
public sealed class ConcurrentWritesTests(Grid grid) : GridTest(grid)
{
    private const int Callers = 32;
    private const int WritesEach = 6;

    [Fact]
    public async Task WritesOfOneTenantAtOnce_AllSucceed_AndMakeOneChain()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var own = await tenant.AddUserAsync(Roles.TenantAdmin);
        await Poll.UntilAsync(own.IsKnownAsync, "the tenant admin's key");
        var before = (await VerifyAsync(tenant)).Rows;

        // Of two kinds, and by callers of two tenants: they have only the shared rows in common.
        var answers = new ConcurrentBag<Answer>();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var i = 0; i < WritesEach; i++)
            {
                answers.Add(caller % 2 == 0
                    ? await own.Api.PostAsync("/v1/iam/custom-roles", new { name = "Role", slug = Fresh.Name() })
                    : await Admin.PostAsync("/v1/api-keys", new { name = Fresh.Name(), assigned_user_id = own.Id }));
            }
        }));

        Assert.All(answers, answer => Assert.True((int)answer.Status == 201, answer.Text));
        Assert.Equal((true, before + (Callers * WritesEach)), await VerifyAsync(tenant));
    }

    private async Task<(bool IsValid, long Rows)> VerifyAsync(SeededTenant tenant)
    {
        var verdict = (await Admin.GetAsync($"/v1/audit-log/verify?tenant_id={tenant.Id}")).Ok();
        return ((bool)verdict["valid"]!, (long)verdict["verified_rows"]!);
    }
}
