using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>Fields of a model's default_params are reserved for like those that the caller sends.</summary>
public sealed class DefaultFieldBudgetTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("image")]
    [InlineData("chat")]
    public async Task NumberOfAnswers_IsHeldBackFor(string modality)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await admin.Api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "total", cost_limit = "0.10" })).Created();

        // A replica that knows the model also knows the budget, which was created before it.
        var slug = await ConnectAsync(
            new UpstreamScript(),
            outputPrice: modality == "chat" ? "400" : "0",
            modelFields: new { modality, image_price = "0.04", max_output_tokens = 100, default_params = new { n = 4 } });
        (await CallAsync(null)).Error(429, "BUDGET_EXCEEDED");
        (await CallAsync(2)).Ok();

        Task<Answer> CallAsync(int? n) => modality == "image"
            ? admin.Api.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot", n })
            : admin.Api.PostAsync("/v1/inference/chat", new { model = slug, n, messages = new[] { new { role = "user", content = "hi" } } });
    }
}
