using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

public sealed class CustomRoleTests(Grid grid) : GridTest(grid)
{
    private const string Path = "/v1/iam/custom-roles";

    [Fact]
    public async Task Role_AddsWhatItHolds_UntilItIsGone()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantViewer);
        var slug = Fresh.Name();
        var answer = await admin.Api.PostAsync(
            Path, new { name = "Caller", slug, description = "Calls models.", core_permissions = new[] { Permissions.UseModels, Permissions.ListModels } });
        var made = answer.Created();
        var id = (string)made["id"]!;
        Assert.Equal($"{Path}/{id}", answer.Headers["Location"]);
        Assert.Equal((tenant.Id, slug, "Caller"), ((string?)made["tenant_id"], (string?)made["slug"], (string?)made["name"]));
        Assert.Equal([Permissions.ListModels, Permissions.UseModels], made["core_permissions"]!.AsArray().Select(item => (string?)item));
        Assert.Equal(made.ToJsonString(), (await admin.Api.GetAsync($"{Path}/{id}")).Ok().ToJsonString());
        Assert.Equal([id], await admin.Api.IdsAsync($"{Path}?", limit: 10));
        (await admin.Api.PostAsync(Path, new { name = "Again", slug })).Error(409, "SLUG_CONFLICT");

        var view = (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { custom_role_ids = new[] { id } })).Ok();
        Assert.Equal([id], view["custom_role_ids"]!.AsArray().Select(item => (string?)item));
        Assert.Equal([Roles.TenantViewer], view["roles"]!.AsArray().Select(item => (string?)item));
        (await user.Api.ChatAsync("scailabs/echo")).Ok();

        // A change of the role affects everyone who has it.
        (await admin.Api.PutAsync($"{Path}/{id}", new { core_permissions = Array.Empty<string>() })).Ok();
        (await user.Api.ChatAsync("scailabs/echo")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.PutAsync($"{Path}/{id}", new { core_permissions = new[] { Permissions.UseModels } })).Ok();
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        (await admin.Api.DeleteAsync($"{Path}/{id}")).NoContent();
        (await user.Api.ChatAsync("scailabs/echo")).Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.Empty((await admin.Api.GetAsync($"/v1/users/{user.Id}")).Ok()["custom_role_ids"]!.AsArray());
    }

    [Theory]
    [InlineData("""{}""", "slug", "name")]
    [InlineData("""{"name":"x","slug":"x","core_permissions":["models:manage"]}""", "core_permissions[0]")]
    [InlineData("""{"name":"x","slug":"x","core_permissions":["accounting:view_partner"],"module_permissions":["models:use",null]}""", "core_permissions[0]", "module_permissions[0]", "module_permissions[1]")]
    public async Task MoreThanATenantHas_IsRefused(string body, params string[] fields) => (await Admin.SendAsync(HttpMethod.Post, Path, body)).Invalid(fields);

    [Fact]
    public async Task NobodyPutsIntoARole_WhatTheyDoNotHold()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var strong = (string)(await admin.Api.PostAsync(
            Path, new { name = "Strong", slug = Fresh.Name(), core_permissions = new[] { Permissions.ManageWebhooks, Permissions.ManageUsers } })).Created()["id"]!;
        var manager = (string)(await admin.Api.PostAsync(
            Path, new { name = "Manager", slug = Fresh.Name(), core_permissions = new[] { Permissions.ManageUsers } })).Created()["id"]!;
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var friend = await tenant.AddUserAsync(Roles.TenantUser);
        (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { custom_role_ids = new[] { manager } })).Ok();

        // The user may manage users now, but can neither create nor assign a role with permissions that they lack.
        (await user.Api.PostAsync(Path, new { name = "x", slug = Fresh.Name(), core_permissions = new[] { Permissions.ManageWebhooks } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.PutAsync($"{Path}/{manager}", new { core_permissions = new[] { Permissions.ManageWebhooks } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.DeleteAsync($"{Path}/{strong}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.PutAsync($"/v1/users/{friend.Id}/roles", new { custom_role_ids = new[] { strong } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.PutAsync($"/v1/users/{friend.Id}/roles", new { roles = new[] { Roles.TenantAdmin } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.PutAsync($"/v1/users/{friend.Id}/roles", new { custom_role_ids = new[] { manager } })).Ok();
        Assert.DoesNotContain(Permissions.ManageWebhooks, (await friend.Api.GetAsync("/v1/me")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RoleOfAnotherTenant_IsNotThere()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        using var user = await ours.AddUserAsync(Roles.TenantViewer);
        using var stranger = await (await SeededTenant.CreateAsync(Grid, sibling: ours)).AddUserAsync(Roles.TenantAdmin);
        var theirs = (string)(await stranger.Api.PostAsync(Path, new { name = "x", slug = Fresh.Name(), core_permissions = new[] { Permissions.UseModels } })).Created()["id"]!;
        (await admin.Api.GetAsync($"{Path}/{theirs}")).Error(404, "NOT_FOUND");
        (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { custom_role_ids = new[] { theirs } })).Invalid("custom_role_ids");
        Assert.Empty(await admin.Api.IdsAsync($"{Path}?", limit: 10));
    }
}
