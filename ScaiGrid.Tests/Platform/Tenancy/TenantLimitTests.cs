using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Tenancy;

/// <summary>How much one tenant may create of what all tenants have room for together.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class TenantLimitTests
{
    [Fact]
    public async Task Budgets_AreNoMoreThanATenantMaySet_AndThoseAboveCanStillSetTheirs()
    {
        await using var grid = await StartAsync("SCAIGRID_BUDGETS_PER_TENANT", 22);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var partner = await tenant.AddUserAsync(Roles.PartnerAdmin);

        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => AddAsync(admin, "tenant", tenant.Id)));
        var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
        Assert.Equal(20, made.Count);
        Assert.Equal(
            "The partner, tenant, user or group has the maximum number of budgets: change or delete one of them.",
            (string?)answers.First(answer => (int)answer.Status != 201).Error(409, "CONFLICT")["message"]);
        (await AddAsync(admin, "user", admin.Id)).Created();
        (await AddAsync(admin, "user", admin.Id)).Created();
        Assert.Equal(
            "There is the maximum number of budgets: first delete one that is no longer used.", (string?)(await AddAsync(admin, "user", admin.Id)).Error(409, "CONFLICT")["message"]);

        (await AddAsync(partner, "tenant", tenant.Id)).Created();
        (await AddAsync(partner, "partner", tenant.PartnerId)).Created();
        (await admin.Api.DeleteAsync($"/v1/accounting/budgets/{made[0]}")).NoContent();
        (await AddAsync(admin, "user", admin.Id)).Created();
        (await AddAsync(admin, "user", admin.Id)).Error(409, "CONFLICT");

        static Task<Answer> AddAsync(SeededUser by, string scope, string id) =>
            by.Api.PostAsync("/v1/accounting/budgets", new { scope, scope_id = id, period = "daily", request_limit = 1000 });
    }

    [Fact]
    public async Task UsersAndRoles_AreNoMoreThanATenantMayHave()
    {
        await using var grid = await StartAsync("SCAIGRID_USERS_PER_TENANT", 4);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        var other = await SeededTenant.CreateAsync(grid.Admin);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => AddAsync(i)));
        var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
        Assert.Equal(3, made.Count);
        Assert.Equal(
            "The tenant already has the maximum number of users: first delete one who no longer needs access.",
            (string?)answers.First(answer => (int)answer.Status != 201).Error(409, "CONFLICT")["message"]);
        (await other.AddUserAsync(Roles.TenantUser)).Dispose();
        (await admin.Api.DeleteAsync($"/v1/users/{made[0]}")).NoContent();
        (await AddAsync(7)).Created();
        (await AddAsync(8)).Error(409, "CONFLICT");

        for (var i = 0; i < 100; i++)
        {
            (await admin.Api.PostAsync("/v1/iam/custom-roles", new { name = "Role", slug = $"role-{i}" })).Created();
        }

        Assert.Equal(
            "The tenant already has the maximum number of roles: first delete one that is no longer used.",
            (string?)(await admin.Api.PostAsync("/v1/iam/custom-roles", new { name = "Role", slug = "role-100" })).Error(409, "CONFLICT")["message"]);

        Task<Answer> AddAsync(int number) => admin.Api.PostAsync("/v1/users", new { email = $"user-{number}@test.example" });
    }

    private static Task<SmallGrid> StartAsync(string setting, int limit) =>
        SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { [setting] = $"{limit}" });
}
