using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>What an upstream is told of the output while a budget that blocks relies on it.</summary>
public sealed class BoundedOutputTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData(128_000, null, 16_384)]
    [InlineData(1000, null, 250)]
    [InlineData(1000, 1000, 250)]
    [InlineData(1000, 100, 100)]
    public async Task CallWithoutALimit_LeavesRoomForItsPrompt(int window, int? maxOutput, int sent)
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { context_window = window, max_output_tokens = maxOutput });
        (await CallAsync(admin, slug, new JsonObject(), new string('x', 900))).Ok();
        Assert.Equal(sent, (int)SentTo(upstreamModel)["max_tokens"]!);
    }

    /// <summary>Someone whose tenant has a budget that blocks, which whoever can call a later model knows.</summary>
    private async Task<SeededUser> BudgetedAsync()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await admin.Api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "total", cost_limit = "1000" })).Created();
        return admin;
    }

    private static Task<Answer> CallAsync(SeededUser user, string slug, JsonObject fields, string prompt = "hi")
    {
        fields["model"] = slug;
        fields["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt });
        return user.Api.SendAsync(HttpMethod.Post, "/v1/inference/chat", fields.ToJsonString());
    }

    private JsonNode SentTo(string upstreamModel) => JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
}
