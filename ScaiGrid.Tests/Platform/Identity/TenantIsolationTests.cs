using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>Two tenants of one partner, and one of another: which models and usage of the others they can see, and whom a suspension excludes.</summary>
public sealed class TenantIsolationTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task TenantsModel_IsForThatTenantOnly()
    {
        var (ours, sibling, other) = await TenantsAsync();
        using var us = await ours.AddUserAsync(Roles.TenantUser);
        using var them = await sibling.AddUserAsync(Roles.TenantUser);
        using var strangers = await other.AddUserAsync(Roles.TenantUser);
        var slug = await ConnectAsync($"tenant/{ours.Slug}/model");
        await AssertSeesAsync(us, slug);
        await AssertSeesNothingOfAsync(them, slug);
        await AssertSeesNothingOfAsync(strangers, slug);
    }

    [Fact]
    public async Task PartnersModel_IsForItsTenantsOnly()
    {
        var (ours, sibling, other) = await TenantsAsync();
        using var us = await ours.AddUserAsync(Roles.TenantUser);
        using var them = await sibling.AddUserAsync(Roles.TenantUser);
        using var strangers = await other.AddUserAsync(Roles.TenantUser);
        var slug = await ConnectAsync($"partner/{ours.PartnerSlug}/model");
        await AssertSeesAsync(us, slug);
        await AssertSeesAsync(them, slug);
        await AssertSeesNothingOfAsync(strangers, slug);
    }

    [Theory]
    [InlineData("tenant", false)]
    [InlineData("partner", true)]
    public async Task BackendOfAModel_IsForThoseForWhomTheModelIs(string level, bool isForSiblings)
    {
        var (ours, sibling, other) = await TenantsAsync();
        using var us = await ours.AddUserAsync(Roles.TenantAdmin);
        using var them = await sibling.AddUserAsync(Roles.TenantAdmin);
        using var strangers = await other.AddUserAsync(Roles.TenantAdmin);
        var provider = (string)(await Admin.PostAsync(
            "/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = "http://127.0.0.1:9/v1", api_key = "sk-x" } })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = $"ft:{Fresh.Name()}" })).Created()["id"]!;
        await AssertBackendAsync(us.Api, isSeen: false);

        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = $"{level}/{(isForSiblings ? ours.PartnerSlug : ours.Slug)}/model" })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}/routing", new { targets = new[] { new { backend_id = backend } } })).Ok();
        await AssertBackendAsync(us.Api, isSeen: true);
        await AssertBackendAsync(them.Api, isForSiblings);
        await AssertBackendAsync(strangers.Api, isSeen: false);
        await AssertBackendAsync(Admin, isSeen: true);

        async Task AssertBackendAsync(ApiDriver api, bool isSeen)
        {
            Assert.Equal(isSeen, (await api.IdsAsync("/v1/backends?", limit: 1000)).Contains(backend));
            foreach (var path in (string[])[$"/v1/backends/{backend}", $"/v1/backends/{backend}/health"])
            {
                var answer = await api.GetAsync(path);
                _ = isSeen ? answer.Ok() : answer.Error(404, "BACKEND_NOT_FOUND");
            }
        }
    }

    [Fact]
    public async Task Usage_IsSeenByThoseWhoMay()
    {
        var (ours, sibling, other) = await TenantsAsync();
        using var user = await ours.AddUserAsync(Roles.TenantUser);
        using var colleague = await ours.AddUserAsync(Roles.TenantUser);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        using var partner = await ours.AddUserAsync(Roles.PartnerViewer);
        using var them = await sibling.AddUserAsync(Roles.TenantUser);
        using var strangers = await other.AddUserAsync(Roles.TenantAdmin);
        foreach (var caller in new[] { user, colleague, them, strangers })
        {
            (await caller.Api.ChatAsync("scailabs/echo")).Ok();
            await Poll.UntilAsync(async () => (await UsersAsync(Admin, $"user_id={caller.Id}")).Count == 1, "the caller's usage");
        }

        await AssertSeesAsync(user, user);
        await AssertSeesAsync(admin, user, colleague);
        await AssertSeesAsync(partner, user, colleague, them);
        await AssertSeesAsync(strangers, strangers);

        // Filters do not make others' usage visible.
        Assert.Empty(await UsersAsync(user.Api, $"user_id={colleague.Id}"));
        Assert.Empty(await UsersAsync(strangers.Api, $"tenant_id={ours.Id}"));
        Assert.Empty((await strangers.Api.GetAsync($"/v1/accounting/usage/summary?tenant_id={ours.Id}")).Ok().AsArray());
        Assert.Equal([them.Id], await UsersAsync(partner.Api, $"tenant_id={sibling.Id}"));
    }

    [Fact]
    public async Task SuspendedTenant_IsShutOutUntilItIsActive()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        await tenant.SuspendAsync();
        await Poll.UntilAsync(async () => !await user.IsKnownAsync(), "the suspension");
        (await user.Api.ChatAsync("scailabs/echo")).Error(401, "AUTH_TOKEN_INVALID");
        await tenant.ActivateAsync();
        await Poll.UntilAsync(user.IsKnownAsync, "the end of the suspension");
    }

    [Fact]
    public async Task SuspendedUser_IsShutOutAlone()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        await tenant.SuspendAsync(user);
        await Poll.UntilAsync(async () => !await user.IsKnownAsync(), "the suspension");
        (await user.Api.ChatAsync("scailabs/echo")).Error(401, "AUTH_TOKEN_INVALID");
        (await admin.Api.ChatAsync("scailabs/echo")).Ok();
        (await admin.Api.PostAsync("/v1/api-keys", new { name = "x", assigned_user_id = user.Id })).Invalid("assigned_user_id");
    }

    private async Task<(SeededTenant Ours, SeededTenant Sibling, SeededTenant Other)> TenantsAsync()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        return (ours, await SeededTenant.CreateAsync(Grid, sibling: ours), await SeededTenant.CreateAsync(Grid));
    }

    // Routed to the demo's backend: these tests are about access, not about responses.
    private async Task<string> ConnectAsync(string slug)
    {
        var backend = (string)(await Admin.GetAsync("/v1/models/scailabs%2Fecho/routing")).Ok()["targets"]![0]!["backend_id"]!;
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}/routing", new { targets = new[] { new { backend_id = backend } } })).Ok();
        return slug;
    }

    private static async Task AssertSeesAsync(SeededUser user, string slug)
    {
        (await user.Api.ChatAsync(slug)).Ok();
        (await user.Api.GetAsync($"/v1/models/{slug}")).Ok();
        (await user.Api.GetAsync($"/oai/v1/models/{slug}")).Body();
        Assert.Contains($"\"{slug}\"", (await user.Api.GetAsync("/v1/models?limit=1000")).Text, StringComparison.Ordinal);
    }

    private static async Task AssertSeesNothingOfAsync(SeededUser user, string slug)
    {
        (await user.Api.ChatAsync(slug)).Error(404, "MODEL_NOT_FOUND");
        (await user.Api.ChatAsync(slug, path: "/oai/v1/chat/completions")).OpenAiError(404, "model_not_found");
        (await user.Api.GetAsync($"/v1/models/{slug}")).Error(404, "MODEL_NOT_FOUND");
        (await user.Api.GetAsync($"/oai/v1/models/{slug}")).OpenAiError(404, "model_not_found");
        Assert.DoesNotContain(slug, (await user.Api.GetAsync("/v1/models?limit=1000")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(slug, (await user.Api.GetAsync("/oai/v1/models")).Text, StringComparison.Ordinal);
    }

    private static async Task AssertSeesAsync(SeededUser viewer, params SeededUser[] users)
    {
        var ids = users.Select(user => user.Id).Order(StringComparer.Ordinal);
        Assert.Equal(ids, (await UsersAsync(viewer.Api, "")).Order(StringComparer.Ordinal));
        var sums = (await viewer.Api.GetAsync("/v1/accounting/usage/summary?group_by=user")).Ok().AsArray();
        Assert.Equal(ids, sums.Select(sum => (string)sum!["group_key"]!).Order(StringComparer.Ordinal));
    }

    private static async Task<List<string>> UsersAsync(ApiDriver api, string query) =>
        [.. (await api.GetAsync($"/v1/accounting/usage?{query}")).Ok()["items"]!.AsArray().Select(item => (string)item!["user_id"]!)];
}
