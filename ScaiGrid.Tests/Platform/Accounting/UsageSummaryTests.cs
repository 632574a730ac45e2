using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

public sealed class UsageSummaryTests(Grid grid) : GridTest(grid)
{
    // At these prices 1013 and 337 tokens cost 3453456.789364 nano-units, which is rounded to 3453457.
    private const string OddInput = "0.123456789";
    private const string OddOutput = "9.876543211";

    private static readonly UpstreamScript OddCall = new() { PromptTokens = 1013, CompletionTokens = 337 };

    [Fact]
    public async Task EveryGrouping_AddsUpExactly()
    {
        var slug = await ConnectAsync(OddCall, inputPrice: OddInput, outputPrice: OddOutput);
        for (var i = 0; i < 3; i++)
        {
            (await Admin.ChatAsync(slug)).Ok();
        }

        var row = (await Admin.UsageAsync(slug, 3))[0];
        Assert.Equal("0.003453457", (string?)row["cost"]);
        foreach (var (group, field) in new[] { ("model", "model"), ("user", "user_id"), ("backend", "backend_id"), ("tenant", "tenant_id") })
        {
            Assert.Equal(
                $$"""[{"group_key":"{{(string)row[field]!}}","request_count":3,"input_tokens":3039,"output_tokens":1011,"total_tokens":4050,"total_cost":"0.010360371","backend_cost":"0.0025305"}]""",
                (await SummaryAsync($"group_by={group}&model={slug}")).ToJsonString());
        }

        Assert.Equal((await SummaryAsync($"model={slug}")).ToJsonString(), (await SummaryAsync($"group_by=model&model={slug}")).ToJsonString());
    }

    /// <summary>The sum of several rows of a rollup, each with a fraction of a unit: MariaDB's quotient of two integers has decimals.</summary>
    [Theory]
    [InlineData("group_by=tenant")]
    [InlineData("group_by=user")]
    public async Task FractionsOfSeveralModels_AddUpExactly(string grouping)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantAdmin);
        for (var i = 0; i < 3; i++)
        {
            var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 1_000_000, CompletionTokens = 0 }, inputPrice: "0.75");
            (await user.Api.ChatAsync(slug)).Ok();
            await user.Api.UsageAsync(slug, 1);
        }

        var sum = Assert.Single((await user.Api.GetAsync($"/v1/accounting/usage/summary?{grouping}")).Ok().AsArray())!;
        Assert.Equal((3, "2.25"), ((int)sum["request_count"]!, (string?)sum["total_cost"]));
    }

    [Theory]
    [InlineData(1, "0.0005", "0.000000001")]
    [InlineData(1, "0.000499999", "0")]
    [InlineData(3, "0.0005", "0.000000002")]
    [InlineData(1_000_000, "0.000000001", "0.000000001")]
    [InlineData(1_000_000_000, "1000000", "1000000000")]
    public async Task Cost_IsRoundedOnceToTheNano(int tokens, string price, string cost)
    {
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = tokens, CompletionTokens = 0 }, inputPrice: price);
        (await Admin.ChatAsync(slug)).Ok();
        Assert.Equal(cost, (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["cost"]);
        Assert.Equal(cost, (string?)Assert.Single(await SummaryAsync($"model={slug}"))!["total_cost"]);
    }

    [Fact]
    public async Task CallsOnTheirWay_AreCountedOnce()
    {
        const int Calls = 20;
        var slug = await ConnectAsync(OddCall);
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(async _ => (await Admin.ChatAsync(slug)).Ok()));
        var last = 0;
        await Poll.UntilAsync(async () => (last = await CountAsync(slug, last)) == Calls, "all calls in the summary");

        // Meanwhile the calls move from Redis to the database. They must never be in both or in neither.
        await Poll.UntilAsync(
            async () =>
            {
                last = await CountAsync(slug, last);
                return (await Admin.GetAsync($"/v1/accounting/usage?model={slug}")).Ok()["items"]!.AsArray().Count == Calls;
            },
            "all calls in the database");
        Assert.Equal(Calls, await CountAsync(slug, last));
    }

    [Fact]
    public async Task PartsOfAnHour_AreCutExactly()
    {
        var slug = await ConnectAsync(OddCall);
        for (var i = 0; i < 3; i++)
        {
            (await Admin.ChatAsync(slug)).Ok();
        }

        var middle = Uri.EscapeDataString((await Admin.UsageAsync(slug, 3)).Select(row => (string)row["created_at"]!).Order(StringComparer.Ordinal).ElementAt(1));
        Assert.Equal(2, (int)Assert.Single(await SummaryAsync($"model={slug}&start={middle}"))!["request_count"]!);
        Assert.Equal(1, (int)Assert.Single(await SummaryAsync($"model={slug}&end={middle}"))!["request_count"]!);
    }

    [Fact]
    public async Task Groups_AreOrderedByCostAndLimited()
    {
        var (cheap, dear) = (await ConnectAsync(OddCall, "1"), await ConnectAsync(OddCall, "1000"));
        var (_, key) = await Admin.CreateKeyAsync();
        using var caller = Admin.As(key);
        (await caller.ChatAsync(cheap)).Ok();
        (await caller.ChatAsync(dear)).Ok();
        await Admin.UsageAsync(cheap, 1);
        await Admin.UsageAsync(dear, 1);
        var keys = (await SummaryAsync("group_by=model")).Select(sum => (string)sum!["group_key"]!).ToList();
        Assert.True(keys.IndexOf(dear) < keys.IndexOf(cheap));
        Assert.Single(await SummaryAsync("group_by=model&limit=1"));
    }

    private async Task<JsonArray> SummaryAsync(string query) => (await Admin.GetAsync($"/v1/accounting/usage/summary?{query}")).Ok().AsArray();

    private async Task<int> CountAsync(string slug, int atLeast)
    {
        var sums = await SummaryAsync($"model={slug}");
        var count = sums.Count == 0 ? 0 : (int)sums[0]!["request_count"]!;
        Assert.True(count >= atLeast, $"The summary fell from {atLeast} to {count}.");
        return count;
    }
}
