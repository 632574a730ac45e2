using System.Globalization;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>The error for a call that a budget refuses.</summary>
public sealed class BudgetRefusalTests(Grid grid) : GridTest(grid)
{
    private const string Budgets = "/v1/accounting/budgets";
    private const string OpenAi = "/oai/v1/chat/completions";

    [Theory]
    [InlineData("tenant", "the tenant's")]
    [InlineData("user", "the user's")]
    public async Task UsedUpBudget_IsNamed_WithTheEndOfItsPeriod(string scope, string name)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var budget = (await admin.Api.PostAsync(
            Budgets, new { scope, scope_id = scope == "user" ? user.Id : tenant.Id, period = "daily", request_limit = 0 })).Created();

        // A replica that knows the model also knows the budget, which was created before it.
        var slug = await ConnectAsync(new UpstreamScript());
        var refused = await user.Api.ChatAsync(slug);
        var error = refused.Error(429, "BUDGET_EXCEEDED");
        Assert.Contains($"{name} daily budget", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal((string?)budget["period_end"], (string?)error["resets_at"]);
        var end = DateTimeOffset.Parse((string)error["resets_at"]!, CultureInfo.InvariantCulture);
        Assert.Contains($"{end.UtcDateTime:s}Z", (string?)error["message"], StringComparison.Ordinal);

        // The caller is told to wait only if the period ends soon.
        var wait = end - TimeProvider.System.GetUtcNow();
        Assert.Equal(wait < TimeSpan.FromHours(1), refused.Headers.ContainsKey("Retry-After"));
        Assert.Equal(refused.Headers.GetValueOrDefault("Retry-After"), error["retry_after"]?.ToString());
        var other = await user.Api.ChatAsync(slug, path: OpenAi);
        Assert.Equal((string?)error["message"], (string?)other.OpenAiError(429, "budget_exceeded")["message"]);
        Assert.Equal(wait > TimeSpan.FromMinutes(1), other.Headers.ContainsKey("x-should-retry"));
        Assert.Equal("blocked", await StateAfterAsync(admin, budget));
    }

    [Fact]
    public async Task BudgetOverAllTime_HasNoEnd()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await admin.Api.PostAsync(Budgets, new { scope = "tenant", period = "total", request_limit = 0 })).Created();
        var error = (await admin.Api.ChatAsync(await ConnectAsync(new UpstreamScript()))).Error(429, "BUDGET_EXCEEDED");
        Assert.Contains("the tenant's total budget", (string?)error["message"], StringComparison.Ordinal);
        Assert.Null(error["resets_at"]);
        Assert.Null(error["retry_after"]);
    }

    [Fact]
    public async Task PartnersBudget_IsShownToThoseOnlyWhoMaySeeIt()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var partner = await tenant.AddUserAsync(Roles.PartnerAdmin, Roles.TenantUser);
        var budget = (await partner.Api.PostAsync(Budgets, new { scope = "partner", period = "weekly", token_limit = 100 })).Created();
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { max_output_tokens = 1000 });
        Assert.Contains("the whole of the partner's weekly budget", await RefusedAsync(partner), StringComparison.Ordinal);
        var hidden = await RefusedAsync(admin);
        Assert.Contains("a budget above your tenant", hidden, StringComparison.Ordinal);
        foreach (var word in new[] { "partner", "weekly", "whole", "Z" })
        {
            Assert.DoesNotContain(word, hidden, StringComparison.Ordinal);
        }

        // Nor is the reason shown: by trying values of max_tokens, a caller could find out what is left.
        (await partner.Api.PutAsync($"{Budgets}/{(string)budget["id"]!}", new { request_limit = 0 })).Ok();
        await Poll.UntilAsync(async () => (await partner.Api.ChatAsync(slug)).Text.Contains("no room left", StringComparison.Ordinal), "the budget's new limit");
        Assert.Equal(hidden, await RefusedAsync(admin));

        async Task<string> RefusedAsync(SeededUser user)
        {
            var refused = await user.Api.ChatAsync(slug);
            Assert.Null(refused.Error(429, "BUDGET_EXCEEDED")["resets_at"]);
            Assert.False(refused.Headers.ContainsKey("Retry-After"));
            return (string)refused.Error(429, "BUDGET_EXCEEDED")["message"]!;
        }
    }

    [Fact]
    public async Task CallThatIsTooLarge_IsToldSo_AndTheBudgetIsNotUsedUp()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var budget = (await admin.Api.PostAsync(Budgets, new { scope = "tenant", period = "monthly", token_limit = 10_000 })).Created();
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 300, CompletionTokens = 200 });
        for (var i = 0; i < 3; i++)
        {
            (await SendAsync(max: 500)).Ok();
        }

        var error = (await SendAsync(max: 9000)).Error(429, "BUDGET_EXCEEDED");
        Assert.Contains("This call may use more than is left of the tenant's monthly budget", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal((string?)budget["period_end"], (string?)error["resets_at"]);
        var larger = (await SendAsync(max: 20_000)).Error(429, "BUDGET_EXCEEDED");
        Assert.Contains("more than the whole of the tenant's monthly budget", (string?)larger["message"], StringComparison.Ordinal);
        Assert.Equal("ok", await StateAfterAsync(admin, budget));
        (await SendAsync(max: 500)).Ok();

        // With the new limit less than a tenth is left: calls are now refused because the budget is used up.
        (await admin.Api.PutAsync($"{Budgets}/{(string)budget["id"]!}", new { token_limit = 2200 })).Ok();
        await Poll.UntilAsync(async () => (int)(await SendAsync(max: 500)).Status == 429, "the budget's new limit");
        error = (await SendAsync(max: 500)).Error(429, "BUDGET_EXCEEDED");
        Assert.Contains("no room left in the tenant's monthly budget", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal("blocked", await StateAfterAsync(admin, budget));

        Task<Answer> SendAsync(int max) => admin.Api.PostAsync(
            "/v1/inference/chat", new { model = slug, max_tokens = max, messages = new[] { new { role = "user", content = "hi" } } });
    }

    private static async Task<string?> StateAfterAsync(SeededUser admin, JsonNode budget) =>
        (string?)(await admin.Api.GetAsync($"{Budgets}/{(string)budget["id"]!}")).Ok()["state"];
}
