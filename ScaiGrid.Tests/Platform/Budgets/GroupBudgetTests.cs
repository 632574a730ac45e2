using System.Globalization;
using System.Text.Json.Nodes;
using ScaiGrid.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>Budgets of groups, and the usage of groups. Groups come from the identity provider; here they are inserted into the database.</summary>
public sealed class GroupBudgetTests(Grid grid) : ServicesTest(grid)
{
    private const string Budgets = "/v1/accounting/budgets";
    private const string Echo = "scailabs/echo";

    [Fact]
    public async Task Members_ShareTheGroupsBudget_AndTakeNothingAlongWhenTheyGo()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var ann = await tenant.AddUserAsync(Roles.TenantUser);
        using var bob = await tenant.AddUserAsync(Roles.TenantUser);
        var (outer, inner) = (await AddGroupAsync(tenant), await AddGroupAsync(tenant));
        await ExecuteAsync("INSERT INTO user_group_children (group_id, child_id) VALUES (@a, @b)", outer, inner);
        await JoinAsync(inner, ann);
        await CallAsync(ann, outer, admin, calls: 1);

        // Usage from before the budget was created counts, and so do members of nested groups.
        var budget = (await admin.Api.PostAsync(Budgets, new { scope = "group", scope_id = outer, period = "total", request_limit = 4 })).Created();
        var path = $"{Budgets}/{(string)budget["id"]!}";
        Assert.Equal(("group", outer, 1), ((string?)budget["scope"], (string?)budget["scope_id"], (int)budget["usage"]!["requests"]!));
        (await bob.Api.ChatAsync(Echo)).Ok();
        await JoinAsync(outer, bob);
        await CallAsync(bob, outer, admin, calls: 2);
        Assert.Equal(2, await SettledAsync(admin, path));

        // Two calls are left and four are made: exactly two succeed, whoever makes them.
        var answers = await Task.WhenAll(new[] { ann, bob, ann, bob }.Select(member => member.Api.ChatAsync(Echo)));
        Assert.Equal(2, answers.Count(answer => (int)answer.Status == 200));
        Assert.All(answers.Where(answer => (int)answer.Status != 200), answer => answer.Error(429, "BUDGET_EXCEEDED"));
        (await admin.Api.ChatAsync(Echo)).Ok();
        Assert.Equal(4, await SettledAsync(admin, path));

        // A member who leaves is no longer subject to the budget, and what they used stays in it: in the database and in Redis.
        await ExecuteAsync("DELETE FROM user_group_members WHERE group_id = @a AND user_id = @b", inner, ann.Id);
        (await ann.Api.ChatAsync(Echo)).Ok();
        (await bob.Api.ChatAsync(Echo)).Error(429, "BUDGET_EXCEEDED");

        // Without this header OpenAI's clients would retry a 429 twice.
        var refused = await bob.Api.ChatAsync(Echo, path: "/oai/v1/chat/completions");
        refused.OpenAiError(429, "budget_exceeded");
        Assert.Equal("false", refused.Headers["x-should-retry"]);
        Assert.Equal(4, await SettledAsync(admin, path));
        await Poll.UntilAsync(async () => (int?)(await SumAsync(admin, outer))?["request_count"] == 4, "the group's calls in the summary");
        Assert.Equal("blocked", (string?)(await admin.Api.GetAsync(path)).Ok()["state"]);
    }

    [Fact]
    public async Task GroupsBudget_IsSetWithinTheTenantAndAbove_AndItsUsageShownToThose()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: tenant);
        var stranger = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var partner = await sibling.AddUserAsync(Roles.PartnerAdmin);
        using var besides = await sibling.AddUserAsync(Roles.TenantAdmin);
        using var other = await stranger.AddUserAsync(Roles.TenantAdmin);
        var group = await AddGroupAsync(tenant);
        await JoinAsync(group, user);
        await CallAsync(user, group, admin, calls: 1);

        var body = new { scope = "group", scope_id = group, period = "monthly", cost_limit = "5" };
        (await besides.Api.PostAsync(Budgets, body)).Invalid("scope_id");
        (await other.Api.PostAsync(Budgets, body)).Invalid("scope_id");
        (await admin.Api.PostAsync(Budgets, new { scope = "group", period = "monthly", cost_limit = "5" })).Invalid("scope_id");
        var own = (string)(await admin.Api.PostAsync(Budgets, body)).Created()["id"]!;
        var above = (string)(await partner.Api.PostAsync(Budgets, body)).Created()["id"]!;
        Assert.Equal(tenant.Id, (string?)(await admin.Api.GetAsync($"{Budgets}/{above}")).Ok()["tenant_id"]);
        (await admin.Api.DeleteAsync($"{Budgets}/{above}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await besides.Api.GetAsync($"{Budgets}/{own}")).Error(404, "NOT_FOUND");

        Assert.NotNull(await SumAsync(admin, group));
        Assert.NotNull(await SumAsync(partner, group));
        Assert.Null(await SumAsync(besides, group));
        Assert.Null(await SumAsync(other, group, $"&tenant_id={tenant.Id}"));
        (await user.Api.GetAsync("/v1/accounting/usage/summary?group_by=group")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.GetAsync("/v1/accounting/usage/summary?group_by=group&model=x")).Invalid("group_by");
    }

    private static async Task<JsonNode?> SumAsync(SeededUser viewer, string group, string more = "") =>
        (await viewer.Api.GetAsync($"/v1/accounting/usage/summary?group_by=group{more}")).Ok().AsArray().SingleOrDefault(sum => (string?)sum!["group_key"] == group);

    private static async Task<int> SettledAsync(SeededUser admin, string path)
    {
        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = (await admin.Api.GetAsync(path)).Ok();
                return (int)state["reserved"]!["requests"]! == 0;
            },
            "the reservations to be settled");
        return (int)state["usage"]!["requests"]!;
    }

    private static async Task CallAsync(SeededUser member, string group, SeededUser admin, int calls)
    {
        (await member.Api.ChatAsync(Echo)).Ok();
        await Poll.UntilAsync(async () => (int?)(await SumAsync(admin, group))?["request_count"] == calls, "the call among the group's");
    }

    private async Task<string> AddGroupAsync(SeededTenant tenant)
    {
        var id = Ids.New(Ids.Group, TimeProvider.System);
        await Services.MariaDb.ExecuteAsync(
            "INSERT INTO user_groups (id, tenant_id, external_id, name, created_at, updated_at) VALUES (@id, @tenant, @id, 'Test', 0, 0)", ("id", id), ("tenant", tenant.Id));
        return id;
    }

    private Task JoinAsync(string group, SeededUser user) =>
        ExecuteAsync("INSERT INTO user_group_members (group_id, user_id) VALUES (@a, @b)", group, user.Id);

    // Increments the revision without noting the changed rows, so that replicas read everything again.
    private async Task ExecuteAsync(string sql, string a, string b)
    {
        await Services.MariaDb.ExecuteAsync($"{sql}; UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1", ("a", a), ("b", b));
        var revision = long.Parse((await Services.MariaDb.RowAsync("SELECT revision FROM snapshot_revision WHERE id = 1"))["revision"], CultureInfo.InvariantCulture);
        await Poll.UntilAsync(async () => (long)(await Admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["revision"]! >= revision, "the change in the snapshot");
    }
}
