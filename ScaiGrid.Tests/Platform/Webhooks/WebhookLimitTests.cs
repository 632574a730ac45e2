using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>How many webhooks a tenant may have. On MariaDB, where transactions run side by side.</summary>
public sealed class WebhookLimitTests(Grid grid) : ServicesTest(grid)
{
    private const int Most = 100;

    [Fact]
    public async Task Webhooks_AreNoMoreThanATenantMayHave_AlsoWhenTheyAreMadeAtOnce()
    {
        using var admin = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync(Roles.TenantAdmin);
        using var other = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync(Roles.TenantAdmin);
        string made = null!;
        for (var i = 0; i < Most - 1; i++)
        {
            made = (string)(await AddAsync(admin)).Created()["id"]!;
        }

        // Each round has one place.
        for (var round = 0; round < 5; round++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AddAsync(admin)));
            Assert.Single(answers, answer => (int)answer.Status == 201);
            Assert.All(
                answers.Where(answer => (int)answer.Status != 201),
                answer => Assert.Equal("The tenant already has the maximum number of webhooks.", (string?)answer.Error(409, "CONFLICT")["message"]));
            (await admin.Api.DeleteAsync($"/v1/webhooks/{made}")).NoContent();
            made = (string)answers.Single(answer => (int)answer.Status == 201).Created()["id"]!;
        }

        (await AddAsync(admin)).Created();
        (await AddAsync(admin)).Error(409, "CONFLICT");
        (await AddAsync(other)).Created();
        Assert.Equal(Most, (await admin.Api.IdsAsync("/v1/webhooks?x=1", 100)).Count);
    }

    // For events that no test makes.
    private static Task<Answer> AddAsync(SeededUser by) =>
        by.Api.PostAsync("/v1/webhooks", new { url = "https://receiver.example/", events = new[] { "webhook.auto_disabled" } });
}
