using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>A budget without room because of calls in flight is distinguished from a budget that is used up.</summary>
public sealed class HeldBudgetTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task RoomThatCallsUnderWayHold_ComesBack()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var budget = (string)(await admin.Api.PostAsync(
            "/v1/accounting/budgets", new { scope = "tenant", period = "total", token_limit = 1000 })).Created()["id"]!;

        // A replica that knows the model also knows the budget, which was created before it.
        var slug = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(4) }, modelFields: new { max_output_tokens = 600 });
        var first = admin.Api.ChatAsync(slug);
        await Poll.UntilAsync(
            async () => (int)(await admin.Api.GetAsync($"/v1/accounting/budgets/{budget}")).Ok()["reserved"]!["requests"]! == 1, "the first call's reservation");
        var second = await admin.Api.ChatAsync(slug, path: "/oai/v1/chat/completions");
        second.OpenAiError(429, "budget_exceeded");
        Assert.Equal(("2", false), (second.Headers["Retry-After"], second.Headers.ContainsKey("x-should-retry")));
        (await first).Ok();
        (await admin.Api.ChatAsync(slug)).Ok();
        Assert.Equal("ok", (string?)(await admin.Api.GetAsync($"/v1/accounting/budgets/{budget}")).Ok()["state"]);
    }
}
