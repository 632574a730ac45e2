using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>Who can see and change which budgets and rate limits.</summary>
public sealed class BudgetAccessTests(Grid grid) : ServicesTest(grid)
{
    private const string Budgets = "/v1/accounting/budgets";

    [Fact]
    public async Task Budgets_AreSeenWithinTheirTenantAndPartner_AndChangedFromAboveOnly()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: tenant);
        var stranger = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var partner = await sibling.AddUserAsync(Roles.PartnerAdmin);
        using var other = await stranger.AddUserAsync(Roles.TenantAdmin);
        using var otherPartner = await stranger.AddUserAsync(Roles.PartnerAdmin);

        var own = (string)(await admin.Api.PostAsync(Budgets, new { scope = "user", scope_id = user.Id, period = "daily", request_limit = 1000 })).Created()["id"]!;
        var set = (await partner.Api.PostAsync(Budgets, new { scope = "tenant", scope_id = tenant.Id, period = "monthly", cost_limit = "5" })).Created();
        Assert.Equal("partner", (string?)set["managed_by"]);
        var above = (string)set["id"]!;
        var highest = (string)(await partner.Api.PostAsync(Budgets, new { scope = "partner", period = "monthly", cost_limit = "50" })).Created()["id"]!;

        Assert.Equal([above, own], await IdsAsync(admin.Api));
        Assert.Equal([highest, above, own], await IdsAsync(partner.Api));
        Assert.Empty(await IdsAsync(other.Api));
        Assert.Empty(await IdsAsync(otherPartner.Api));
        (await user.Api.GetAsync(Budgets)).Error(403, "AUTHZ_PERMISSION_DENIED");

        (await admin.Api.PutAsync($"{Budgets}/{above}", new { cost_limit = "500" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.DeleteAsync($"{Budgets}/{above}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.GetAsync($"{Budgets}/{highest}")).Error(404, "NOT_FOUND");
        foreach (var outsider in new[] { other.Api, otherPartner.Api })
        {
            (await outsider.GetAsync($"{Budgets}/{own}")).Error(404, "NOT_FOUND");
            (await outsider.PutAsync($"{Budgets}/{own}", new { name = "mine" })).Error(404, "NOT_FOUND");
            (await outsider.DeleteAsync($"{Budgets}/{own}")).Error(404, "NOT_FOUND");
            (await outsider.PostAsync(Budgets, new { scope = "tenant", scope_id = tenant.Id, period = "daily", request_limit = 1 })).Invalid("scope_id");
            (await outsider.PostAsync(Budgets, new { scope = "user", scope_id = user.Id, period = "daily", request_limit = 1 })).Invalid("scope_id");
        }

        (await admin.Api.PostAsync(Budgets, new { scope = "partner", period = "daily", request_limit = 1 })).Invalid("scope_id");
        (await partner.Api.PutAsync($"{Budgets}/{own}", new { name = "from above" })).Ok();
        Assert.Equal(204, (int)(await admin.Api.DeleteAsync($"{Budgets}/{own}")).Status);

        // Calls of the tenant's users are refused by the tenant's budget, and calls of other tenants are not.
        (await partner.Api.PutAsync($"{Budgets}/{above}", new { cost_limit = (string?)null, request_limit = 0 })).Ok();
        await Poll.UntilAsync(async () => (int)(await user.Api.ChatAsync("scailabs/echo")).Status == 429, "the budget of the tenant");
        (await partner.Api.GetAsync("/v1/me")).Ok();
        (await other.Api.ChatAsync("scailabs/echo")).Ok();
    }

    [Fact]
    public async Task RateLimits_AreSetByThePartner()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var stranger = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var partner = await tenant.AddUserAsync(Roles.PartnerAdmin);
        using var other = await stranger.AddUserAsync(Roles.PartnerAdmin);
        var path = $"/v1/tenants/{tenant.Id}/rate-limits";
        (await admin.Api.GetAsync(path)).Ok();
        (await admin.Api.PutAsync(path, new { })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await other.Api.GetAsync(path)).Error(404, "NOT_FOUND");
        (await other.Api.PutAsync(path, new { })).Error(404, "NOT_FOUND");
        (await partner.Api.PutAsync(path, new { user = new { requests_per_minute = 1 } })).Ok();
        (await partner.Api.PutAsync($"/v1/partners/{tenant.PartnerId}/rate-limits", new { })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.Api.GetAsync($"/v1/partners/{tenant.PartnerId}/rate-limits")).Ok();
        (await other.Api.GetAsync($"/v1/partners/{tenant.PartnerId}/rate-limits")).Error(404, "NOT_FOUND");

        (await admin.Api.ChatAsync("scailabs/echo")).Ok();
        (await admin.Api.ChatAsync("scailabs/echo")).Error(429, "RATE_LIMITED");
        using var user = await stranger.AddUserAsync(Roles.TenantUser);
        for (var i = 0; i < 3; i++)
        {
            (await user.Api.ChatAsync("scailabs/echo")).Ok();
        }
    }

    private static async Task<List<string>> IdsAsync(ApiDriver api) =>
        [.. (await api.GetAsync(Budgets)).Ok()["items"]!.AsArray().Select(item => (string)item!["id"]!)];
}
