using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

public sealed class UsageTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Call_IsOneItemWithAllThatBillingNeeds()
    {
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 20, CompletionTokens = 9, CachedTokens = 6, ReasoningTokens = 2 });
        var (keyId, key) = await Admin.CreateKeyAsync();
        using var caller = Admin.As(key);
        var answer = await caller.ChatAsync(slug);
        var routing = answer.Ok()["routing"]!;
        var me = (await Admin.GetAsync("/v1/me")).Ok();
        var item = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.StartsWith("usage_", (string?)item["id"], StringComparison.Ordinal);
        Assert.Equal(answer.Headers["X-Request-Id"], (string?)item["request_id"]);
        Assert.Equal((string?)routing["backend_id"], (string?)item["backend_id"]);
        Assert.Equal((string?)me["user"]!["id"], (string?)item["user_id"]);
        Assert.Equal((string?)me["tenant"]!["id"], (string?)item["tenant_id"]);
        Assert.Equal(keyId, (string?)item["api_key_id"]);
        Assert.Equal(("native", "ok"), ((string?)item["protocol"], (string?)item["status"]));
        Assert.Equal((20, 9, 6, 2), ((int)item["tokens_in"]!, (int)item["tokens_out"]!, (int)item["cached_tokens"]!, (int)item["reasoning_tokens"]!));
        Assert.Equal("0.000038", (string?)item["cost"]);
        Assert.False((bool)item["estimated"]!);
        Assert.InRange((int)item["latency_ms"]!, 0, 60_000);
    }

    [Fact]
    public async Task Pages_CoverAllOnceNewestFirst()
    {
        var slug = await CallAsync(5);
        var rows = await Admin.UsageAsync(slug, 5);

        // Ordered by id: of calls that ended within a millisecond or two, either may come first.
        Assert.All(rows.Zip(rows.Skip(1)), pair => Assert.True(Time(pair.Second) < Time(pair.First).AddMilliseconds(2)));
        Assert.Equal(rows.Select(row => (string)row["id"]!), await Admin.IdsAsync($"/v1/accounting/usage?model={slug}", limit: 2));
    }

    [Fact]
    public async Task StartAndEnd_CutExactly()
    {
        var slug = await CallAsync(3);
        var ids = (await Admin.UsageAsync(slug, 3)).OrderBy(Time).Select(row => ((string)row["id"]!, Uri.EscapeDataString(Time(row).ToString("O")))).ToList();
        var ((first, _), (second, middle), (third, last)) = (ids[0], ids[1], ids[2]);
        Assert.Equivalent(new[] { second, third }, await ListAsync($"model={slug}&start={middle}"), strict: true);
        Assert.Equal([first], await ListAsync($"model={slug}&end={middle}"));
        Assert.Equal([second], await ListAsync($"model={slug}&start={middle}&end={last}"));
    }

    [Theory]
    [InlineData("period=hour", 1)]
    [InlineData("period=month", 1)]
    [InlineData("start=2020-01-01", 1)]
    [InlineData("start=1577836800", 1)]
    [InlineData("start=1970-01-01T00:00:00Z", 1)]
    [InlineData("end=2020-01-01T00:00:00%2B05:30", 0)]
    [InlineData("end=2020-01-01&period=day", 0)]
    [InlineData("end=1970-01-02&period=month", 0)]
    [InlineData("end=9000-01-01", 1)]
    public async Task Times_AreReadInAllForms(string query, int count)
    {
        var slug = await CallAsync(1);
        await Admin.UsageAsync(slug, 1);
        Assert.Equal(count, (await ListAsync($"model={slug}&{query}")).Count);
        Assert.Equal(count, (await Admin.GetAsync($"/v1/accounting/usage/summary?model={slug}&{query}")).Ok().AsArray().Count);
    }

    [Fact]
    public async Task Filters_Narrow()
    {
        var slug = await CallAsync(2);
        var row = (await Admin.UsageAsync(slug, 2))[0];
        foreach (var name in new[] { "user_id", "tenant_id", "backend_id" })
        {
            Assert.Equal(2, (await ListAsync($"model={slug}&{name}={(string)row[name]!}")).Count);
            Assert.Empty(await ListAsync($"model={slug}&{name}=nobody"));
            Assert.Empty(await ListAsync($"model={slug}&{name}=%C3%A9"));
        }

        Assert.Equal(2, (await ListAsync($"backend_id={(string)row["backend_id"]!}")).Count);
        Assert.Empty(await ListAsync($"model={slug.ToUpperInvariant()}"));
    }

    [Theory]
    [InlineData("start=yesterday", "start")]
    [InlineData("end=2026-13-01", "end")]
    [InlineData("end=2026-01-01T00:00:00", "end")]
    [InlineData("start=2026-02-01&end=2026-01-01", "end")]
    [InlineData("start=2026-02-01&end=2026-02-01", "end")]
    [InlineData("period=year", "period")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    public async Task BadParameter_IsNamed(string query, string field)
    {
        (await Admin.GetAsync($"/v1/accounting/usage?{query}")).Invalid(field);
        (await Admin.GetAsync($"/v1/accounting/usage/summary?{query}")).Invalid(field);
    }

    [Fact]
    public async Task BadCursorOrGroup_IsNamed()
    {
        (await Admin.GetAsync("/v1/accounting/usage?cursor=bad")).Invalid("cursor");
        (await Admin.GetAsync("/v1/accounting/usage/summary?group_by=planet")).Invalid("group_by");
    }

    /// <summary>One of the three permissions (own usage, the tenant's, the partner's) is sufficient, and determines how much is visible.</summary>
    [Theory]
    [InlineData(Roles.TenantAdmin, Permissions.ViewOwnAccounting, 1)]
    [InlineData(Roles.TenantAdmin, Permissions.ViewTenantAccounting, 2)]
    [InlineData(Roles.PartnerViewer, Permissions.ViewTenantAccounting, 2)]
    [InlineData(Roles.PartnerViewer, Permissions.ViewPartnerAccounting, 3)]
    [InlineData(Roles.TenantAdmin, Permissions.ListModels, null)]
    public async Task KeyWithOneOfThePermissions_SeesAsMuchAsItSays(string role, string scope, int? calls)
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(role, Roles.TenantUser);
        using var colleague = await tenant.AddUserAsync(Roles.TenantUser);
        using var sibling = await (await SeededTenant.CreateAsync(Grid, sibling: tenant)).AddUserAsync(Roles.TenantUser);
        foreach (var caller in new[] { user, colleague, sibling })
        {
            (await caller.Api.ChatAsync(slug)).Ok();
        }

        await Admin.UsageAsync(slug, 3);
        using var narrow = Admin.As((await tenant.CreateKeyAsync(user.Id, scope)).Key);
        string[] paths = [$"/v1/accounting/usage?model={slug}", $"/v1/accounting/usage/summary?model={slug}", $"/v1/accounting/export?format=json&model={slug}"];
        if (calls is null)
        {
            foreach (var path in paths)
            {
                (await narrow.GetAsync(path)).Error(403, "AUTHZ_PERMISSION_DENIED");
            }

            return;
        }

        Assert.Equal(calls, (await narrow.GetAsync(paths[0])).Ok()["items"]!.AsArray().Count);
        Assert.Equal(calls, (int)(await narrow.GetAsync(paths[1])).Ok()[0]!["request_count"]!);
        Assert.Equal(calls, JsonNode.Parse((await narrow.GetAsync(paths[2])).Text)!.AsArray().Count);
    }

    private async Task<string> CallAsync(int count)
    {
        var slug = await ConnectAsync(new UpstreamScript());
        for (var i = 0; i < count; i++)
        {
            (await Admin.ChatAsync(slug)).Ok();
        }

        return slug;
    }

    private async Task<List<string>> ListAsync(string query) => Ids((await Admin.GetAsync($"/v1/accounting/usage?{query}")).Ok()["items"]!.AsArray());

    private static List<string> Ids(IEnumerable<JsonNode?> rows) => [.. rows.Select(row => (string)row!["id"]!)];

    private static DateTimeOffset Time(JsonNode row) => (DateTimeOffset)row["created_at"]!;
}
