using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>50 concurrent streams on two replicas, each of which may cost 1, with a budget of 10: exactly ten run.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class BudgetRaceTests
{
    private const int Streams = 50;
    private const int Room = 10;

    [Theory]
    [InlineData("tenant", false)]
    [InlineData("partner", true)]
    public Task ParallelStreams_NeverExceedTheBudget(string scope, bool onCluster) => RaceAsync(scope, onCluster, rounds: 2);

    [Theory]
    [InlineData("tenant", false)]
    [InlineData("partner", true)]
    [Trait("lane", "long")]
    public Task ParallelStreamsTwentyTimes_NeverExceedTheBudget(string scope, bool onCluster) => RaceAsync(scope, onCluster, rounds: 20);

    private static async Task RaceAsync(string scope, bool onCluster, int rounds)
    {
        await using var grid = await SmallGrid.StartAsync(onCluster: onCluster);
        var budget = (await grid.Admin.PostAsync("/v1/accounting/budgets", new { scope, period = "total", cost_limit = "10" })).Created();
        var path = $"/v1/accounting/budgets/{(string)budget["id"]!}";
        for (var round = 0; round < rounds; round++)
        {
            // Nothing is generated, so nothing is charged and all reservations are returned.
            await RoundAsync(grid, completionTokens: 0);
            var state = await SettledAsync(grid.Admin, path);
            Assert.Equal("0", (string?)state["usage"]!["cost"]);
            Assert.Equal(Room * (round + 1), (int)state["usage"]!["requests"]!);
        }

        await RoundAsync(grid, completionTokens: 1);
        var used = await SettledAsync(grid.Admin, path);
        Assert.Equal("10", (string?)used["usage"]!["cost"]);
        Assert.Equal("blocked", (string?)used["state"]);

        var (slug, _) = await ConnectAsync(grid, new UpstreamScript());
        (await SendAsync(grid.Admin, slug)).Error(429, "BUDGET_EXCEEDED");
    }

    private static async Task RoundAsync(SmallGrid grid, int completionTokens)
    {
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (slug, upstreamModel) = await ConnectAsync(grid, new UpstreamScript { Hold = hold.Task, Chunks = ["x"], PromptTokens = 5, CompletionTokens = completionTokens });
        var calls = Enumerable.Range(0, Streams).Select(i => SendAsync(grid.Admins[i % grid.Admins.Count], slug)).ToList();
        var open = calls.ToList();
        while (open.Count > Room)
        {
            var refused = await Task.WhenAny(open);
            open.Remove(refused);
            (await refused).Error(429, "BUDGET_EXCEEDED");
        }

        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstreamModel).Count >= Room), "ten calls at the upstream");
        hold.SetResult();
        foreach (var answer in await Task.WhenAll(open))
        {
            Assert.Equal(200, (int)answer.Status);
            Assert.EndsWith("data: [DONE]\n\n", answer.Text, StringComparison.Ordinal);
        }

        Assert.Equal(Room, grid.Upstream.CallsOf(upstreamModel).Count);
    }

    // At most one token of output, at a price of 1. Input is free.
    private static Task<(string Slug, string UpstreamModel)> ConnectAsync(SmallGrid grid, UpstreamScript script) =>
        grid.ConnectAsync(script, inputPrice: "0", outputPrice: "1000000");

    private static Task<Answer> SendAsync(ApiDriver admin, string slug) => admin.PostAsync(
        "/v1/inference/chat", new { model = slug, stream = true, max_tokens = 1, messages = new[] { new { role = "user", content = "hi" } } });

    private static async Task<JsonNode> SettledAsync(ApiDriver admin, string path)
    {
        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = (await admin.GetAsync(path)).Ok();
                return (int)state["reserved"]!["requests"]! == 0;
            },
            "the reservations to be settled");
        Assert.Equal("0", (string?)state["reserved"]!["cost"]);
        return state;
    }
}
