using System.Text.Json.Nodes;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>In whose log ScaiKey's events are.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeyAuditTests(Grid grid, IssuerGrid issuers) : ScaiKeyTest(grid, issuers)
{
    [Fact]
    public async Task EachEvent_IsInTheLogOfItsTenant_OrElseOfTheOperators()
    {
        var home = (string)(await Admin.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        var (partner, one, two, user, group) = (Fresh.Name(), Fresh.Name(), Fresh.Name(), Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        Assert.Equal([home], await TenantsAsync(partner));
        foreach (var tenant in new[] { one, two })
        {
            await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant" }, partner: partner);
        }

        await HandledAsync("user.created", user, new() { ["email"] = $"{user}@test.example" }, one);
        using var before = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = one }));
        var first = (string)(await before.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        await HandledAsync("group.created", group, new() { ["name"] = "Group" }, one);
        await HandledAsync("group.member_added", group, new() { ["user_id"] = user }, one);
        Assert.Equal([first, first], await TenantsAsync(group));

        // A move changes rows of two tenants.
        await HandledAsync("user.updated", user, new() { ["email"] = $"{user}@test.example" }, two);
        using var after = Issuers.As(Issuers.Issuer.Token(user, new() { ["tenant_id"] = two }));
        var second = (string)(await after.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        Assert.Equal([second, first], await TenantsAsync(user));
        await HandledAsync("partner.updated", partner, new() { ["slug"] = partner, ["display_name"] = "Renamed" });
        await HandledAsync("partner.deleted", partner, []);
        Assert.Equal([home, home, home], await TenantsAsync(partner));
    }

    /// <summary>The tenants of the rows about a resource of ScaiKey's, newest first.</summary>
    private async Task<IEnumerable<string?>> TenantsAsync(string id)
    {
        IReadOnlyList<JsonNode> rows = await Admin.AuditAsync($"resource_id={id}");
        Assert.All(rows, row => Assert.Equal(("scaikey.event", "webhook", "SUCCESS"), ((string?)row["action"], (string?)row["actor_type"], (string?)row["status"])));
        return rows.Select(row => (string?)row["tenant_id"]);
    }
}
