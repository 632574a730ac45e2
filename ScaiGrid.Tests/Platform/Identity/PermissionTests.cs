using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>What each role may do, and the error for what it may not do.</summary>
public sealed class PermissionTests(Grid grid) : GridTest(grid)
{
    /// <summary>The table of the specification, written out: the product's own would agree with itself.</summary>
    private static readonly Dictionary<string, string[]> Held = new()
    {
        ["tenant_viewer"] = ["accounting:view_own", "models:list"],
        ["tenant_user"] = ["accounting:view_own", "api_keys:manage", "models:list", "models:use", "modules:use"],
        ["tenant_admin"] =
        [
            "accounting:manage_budgets", "accounting:view_own", "accounting:view_tenant", "admin:access", "api_keys:manage", "models:list", "models:use",
            "modules:manage", "modules:use", "routing:view", "users:manage", "webhooks:manage",
        ],
        ["partner_viewer"] = ["accounting:view_own", "accounting:view_partner", "accounting:view_tenant", "models:list"],
        ["partner_admin"] =
        [
            "accounting:manage_budgets", "accounting:view_own", "accounting:view_partner", "accounting:view_tenant", "admin:access", "models:list", "users:manage",
        ],
        ["super_admin"] =
        [
            "accounting:manage_budgets", "accounting:view_own", "accounting:view_partner", "accounting:view_tenant", "admin:access", "api_keys:manage",
            "models:list", "models:manage", "models:use", "modules:manage", "modules:use", "routing:manage", "routing:view", "users:manage", "webhooks:manage",
        ],
    };

    [Fact]
    public async Task SuperAdmin_HoldsEverything()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.SuperAdmin);
        var held = (await user.Api.GetAsync("/v1/me")).Ok()["permissions"]!.AsArray().Select(item => (string)item!);
        Assert.Equal(Held["super_admin"], held);
    }

    [Theory]
    [InlineData(Roles.TenantViewer)]
    [InlineData(Roles.TenantUser)]
    [InlineData(Roles.TenantAdmin)]
    [InlineData(Roles.PartnerViewer)]
    [InlineData(Roles.PartnerAdmin)]
    public async Task Role_HoldsWhatTheSpecSays(string role)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(role);
        var me = (await user.Api.GetAsync("/v1/me")).Ok();
        Assert.Equal((user.Id, tenant.Id, tenant.PartnerId), ((string?)me["user"]!["id"], (string?)me["tenant"]!["id"], (string?)me["partner"]!["id"]));
        Assert.Equal([role], me["roles"]!.AsArray().Select(item => (string?)item));
        Assert.Equal(Held[role], me["permissions"]!.AsArray().Select(item => (string)item!));

        var body = new { model = "scailabs/echo", messages = new[] { new { role = "user", content = "hi" } } };
        await CheckAsync(Permissions.UseModels, api => api.PostAsync("/v1/inference/chat", body));
        await CheckAsync(Permissions.ListModels, api => api.GetAsync("/v1/models"));
        await CheckAsync(Permissions.ListModels, api => api.GetAsync("/v1/models/scailabs/echo"));
        await CheckAsync(Permissions.ManageModels, api => api.PostAsync("/v1/models", new { slug = "" }));
        await CheckAsync(Permissions.ManageModels, api => api.PutAsync("/v1/models/none", new { }));
        await CheckAsync(Permissions.ManageModels, api => api.DeleteAsync("/v1/models/none"));
        await CheckAsync(Permissions.ManageModels, api => api.GetAsync("/v1/providers"));
        await CheckAsync(Permissions.ManageModels, api => api.PostAsync("/v1/providers", new { }));
        await CheckAsync(Permissions.ManageModels, api => api.DeleteAsync("/v1/providers/none"));
        await CheckAsync(Permissions.ManageModels, api => api.PostAsync("/v1/backends", new { }));
        await CheckAsync(Permissions.ViewRouting, api => api.GetAsync("/v1/backends"));
        await CheckAsync(Permissions.ViewRouting, api => api.GetAsync("/v1/models/scailabs%2Fecho/routing"));
        await CheckAsync(Permissions.ManageRouting, api => api.PutAsync("/v1/models/scailabs%2Fecho/routing", new { }));
        await CheckAsync(Permissions.ManageApiKeys, api => api.GetAsync("/v1/api-keys"));
        await CheckAsync(Permissions.ManageApiKeys, api => api.PostAsync("/v1/api-keys", new { }));
        await CheckAsync(Permissions.ViewOwnAccounting, api => api.GetAsync("/v1/accounting/usage"));
        await CheckAsync(Permissions.ViewOwnAccounting, api => api.GetAsync("/v1/accounting/usage/summary"));
        await CheckAsync(Permissions.Administer, api => api.GetAsync("/health/detailed"));

        async Task CheckAsync(string permission, Func<ApiDriver, Task<Answer>> call)
        {
            var answer = await call(user.Api);
            if (!Held[role].Contains(permission))
            {
                Assert.Contains(permission, (string?)answer.Error(403, "AUTHZ_PERMISSION_DENIED")["message"], StringComparison.Ordinal);
            }
            else
            {
                Assert.True((int)answer.Status is 200 or 422, $"{role} may {permission}, but got {answer.Status}: {answer.Text}");
            }
        }
    }

    [Fact]
    public async Task PermissionThatDoesNotReachFarEnough_IsNamedWithItsReach()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var message = (string?)(await admin.Api.PutAsync($"/v1/tenants/{tenant.Id}/rate-limits", new { })).Error(403, "AUTHZ_PERMISSION_DENIED")["message"];
        Assert.Equal("The caller lacks the permission admin:access for all tenants of its partner, which this call needs.", message);
    }

    [Fact]
    public async Task Denied_OnTheOpenAiSurfaceToo()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var viewer = await tenant.AddUserAsync(Roles.TenantViewer);
        (await viewer.Api.ChatAsync("scailabs/echo", path: "/oai/v1/chat/completions")).OpenAiError(403, "authz_permission_denied");
        (await viewer.Api.GetAsync("/oai/v1/models")).Body();
    }

    [Fact]
    public async Task WhatOnlyManagersSee_IsLeftOut()
    {
        var slug = Fresh.Slug();
        (await Admin.PostAsync("/v1/models", new { slug, system_prompt_template = "Our secret sauce." })).Created();
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        Assert.False((await admin.Api.GetAsync($"/v1/models/{slug}")).Ok().AsObject().ContainsKey("system_prompt_template"));
        Assert.DoesNotContain("secret sauce", (await admin.Api.GetAsync("/v1/models?limit=1000")).Text, StringComparison.Ordinal);
        Assert.All((await admin.Api.GetAsync("/v1/backends?limit=1000")).Ok()["items"]!.AsArray(), item => Assert.False(item!.AsObject().ContainsKey("connection_config")));
    }

    [Fact]
    public async Task KeyForAnotherUser_NeedsUsersManage()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var partnerAdmin = await tenant.AddUserAsync(Roles.PartnerAdmin);
        (await CreateKeyAsync(user, admin.Id)).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await CreateKeyAsync(user, user.Id)).Created();
        var made = (await CreateKeyAsync(admin, user.Id)).Created();
        using var holder = Admin.As((string)made["key"]!);
        Assert.Equal(user.Id, (string?)(await holder.GetAsync("/v1/me")).Ok()["user"]!["id"]);

        // Nobody can create a key with permissions that they do not have.
        (await CreateKeyAsync(admin, partnerAdmin.Id)).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task OthersKeys_AreNotThere()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var stranger = await (await SeededTenant.CreateAsync(Grid, sibling: tenant)).AddUserAsync(Roles.TenantAdmin);
        Assert.Equal([user.KeyId], await KeysAsync(user));
        Assert.Equal([user.KeyId, admin.KeyId], await KeysAsync(admin));
        Assert.Equal([stranger.KeyId], await KeysAsync(stranger));
        (await user.Api.DeleteAsync($"/v1/api-keys/{admin.KeyId}")).Error(404, "NOT_FOUND");
        (await stranger.Api.DeleteAsync($"/v1/api-keys/{user.KeyId}")).Error(404, "NOT_FOUND");
        (await CreateKeyAsync(stranger, user.Id)).Invalid("assigned_user_id");
        (await admin.Api.DeleteAsync($"/v1/api-keys/{user.KeyId}")).NoContent();
        (await user.Api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    private static Task<Answer> CreateKeyAsync(SeededUser caller, string userId) =>
        caller.Api.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "for another", ["assigned_user_id"] = userId }.ToJsonString());

    private static Task<List<string>> KeysAsync(SeededUser caller) => caller.Api.IdsAsync("/v1/api-keys?", limit: 100);
}
