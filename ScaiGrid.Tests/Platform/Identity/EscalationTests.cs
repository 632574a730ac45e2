using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>Attempts at privilege escalation: nobody gains or uses permissions that they do not have.</summary>
public sealed class EscalationTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData(Roles.TenantAdmin, Roles.SuperAdmin)]
    [InlineData(Roles.TenantAdmin, Roles.PartnerAdmin)]
    [InlineData(Roles.TenantAdmin, Roles.PartnerViewer)]
    [InlineData(Roles.PartnerAdmin, Roles.SuperAdmin)]
    [InlineData(Roles.PartnerAdmin, Roles.TenantAdmin)]
    [InlineData(Roles.PartnerAdmin, Roles.TenantUser)]
    public async Task RoleThatOneDoesNotHold_CannotBeGranted(string own, string wanted)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var climber = await tenant.AddUserAsync(own);
        using var friend = await tenant.AddUserAsync(Roles.TenantViewer);
        using var stronger = await tenant.AddUserAsync(wanted);
        (await climber.Api.PostAsync("/v1/users", new { email = "new@test.example", roles = new[] { wanted } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await climber.Api.PutAsync($"/v1/users/{friend.Id}/roles", new { roles = new[] { wanted } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await climber.Api.PutAsync($"/v1/users/{stronger.Id}/roles", new { roles = Array.Empty<string>() })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await climber.Api.PutAsync($"/v1/users/{stronger.Id}", new { status = "suspended" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await climber.Api.DeleteAsync($"/v1/users/{stronger.Id}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await climber.Api.PostAsync("/v1/api-keys", new { name = "x", assigned_user_id = stronger.Id })).Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.True(await stronger.IsKnownAsync());
        Assert.Equal([Roles.TenantViewer], (await friend.Api.GetAsync("/v1/me")).Ok()["roles"]!.AsArray().Select(role => (string?)role));
    }

    [Fact]
    public async Task ExternalIdOfAnotherTenantsUser_CannotBeTaken()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var other = await SeededTenant.CreateAsync(Grid);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        using var user = await ours.AddUserAsync(Roles.TenantUser);
        var subject = Fresh.Name();
        var victim = (string)(await Admin.PostAsync("/v1/users", new { email = "a@test.example", tenant_id = other.Id, external_id = subject })).Created()["id"]!;
        (await admin.Api.PutAsync($"/v1/users/{user.Id}", new { external_id = subject })).Error(409, "CONFLICT");
        (await admin.Api.PostAsync("/v1/users", new { email = "b@test.example", external_id = subject })).Error(409, "CONFLICT");

        // A super admin may do so: one person can have accounts in several tenants.
        (await Admin.PutAsync($"/v1/users/{user.Id}", new { external_id = subject })).Ok();
        (await admin.Api.PutAsync($"/v1/users/{user.Id}", new { display_name = "Ada" })).Ok();
        (await admin.Api.PutAsync($"/v1/users/{user.Id}", new { external_id = (string?)null })).Ok();
        (await Admin.DeleteAsync($"/v1/users/{victim}")).NoContent();
        (await admin.Api.PutAsync($"/v1/users/{user.Id}", new { external_id = subject })).Ok();
    }

    [Fact]
    public async Task FieldsThatAreNotOnes_AreNotTaken()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var other = await SeededTenant.CreateAsync(Grid);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        using var user = await ours.AddUserAsync(Roles.TenantUser);
        (await admin.Api.PostAsync("/v1/users", new { email = "a@test.example", tenant_id = other.Id })).Invalid("tenant_id");
        foreach (var (field, value) in new (string, object)[] { ("id", "usr_1"), ("tenant_id", other.Id), ("roles", new[] { Roles.SuperAdmin }), ("deleted_at", "2020-01-01T00:00:00Z") })
        {
            (await admin.Api.PutAsync($"/v1/users/{user.Id}", new Dictionary<string, object> { ["display_name"] = "Changed", [field] = value })).Invalid(field);
        }

        foreach (var (field, value) in new (string, object)[] { ("tenant_id", other.Id), ("user_id", admin.Id), ("permissions", new[] { "users:manage" }), ("roles", new[] { Roles.SuperAdmin }) })
        {
            (await user.Api.PostAsync("/v1/api-keys", new Dictionary<string, object> { ["name"] = "x", [field] = value })).Invalid(field);
        }

        Assert.NotEqual("Changed", (string?)(await admin.Api.GetAsync($"/v1/users/{user.Id}")).Ok()["display_name"]);
        Assert.DoesNotContain((await user.Api.GetAsync("/v1/api-keys")).Ok()["items"]!.AsArray(), key => (string?)key!["name"] == "x");
    }

    [Fact]
    public async Task NarrowKey_DoesWhatItsScopesSay_AndMakesNoWiderOnes()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var other = await tenant.AddUserAsync(Roles.TenantViewer);
        var (_, narrow) = await tenant.CreateKeyAsync(admin.Id, Permissions.ManageApiKeys, Permissions.ListModels);
        using var holder = Admin.As(narrow);
        Assert.Equal(
            [Permissions.ManageApiKeys, Permissions.ListModels], (await holder.GetAsync("/v1/me")).Ok()["permissions"]!.AsArray().Select(item => (string?)item));
        (await holder.ChatAsync("scailabs/echo")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await holder.GetAsync("/v1/users")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await holder.PostAsync("/v1/api-keys", new { name = "wider" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await holder.PostAsync("/v1/api-keys", new { name = "wider", scopes = new[] { Permissions.UseModels } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await holder.PostAsync("/v1/api-keys", new { name = "for another", assigned_user_id = other.Id })).Error(403, "AUTHZ_PERMISSION_DENIED");
        var made = (await holder.PostAsync("/v1/api-keys", new { name = "same", scopes = new[] { Permissions.ListModels } })).Created();
        Assert.Equal([Permissions.ListModels], made["scopes"]!.AsArray().Select(item => (string?)item));
        (await admin.Api.PostAsync("/v1/api-keys", new { name = "x", scopes = new[] { "models:manage", "no:such" } })).Invalid("scopes[0]", "scopes[1]");
    }

    [Fact]
    public async Task NarrowKeyOfASuperAdmin_IsNoSuperAdmins()
    {
        var me = (string)(await Admin.GetAsync("/v1/me")).Ok()["user"]!["id"]!;
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "narrow", assigned_user_id = me, scopes = new[] { Permissions.ViewOwnAccounting, Permissions.ManageUsers } })).Created();
        using var narrow = Admin.As((string)made["key"]!);
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        await Admin.UsageAsync("scailabs/echo", count: 1);
        Assert.Empty((await narrow.GetAsync($"/v1/accounting/usage?tenant_id={tenant.Id}")).Ok()["items"]!.AsArray());

        // The key reaches all users with the permission that it has, but cannot grant what it lacks.
        (await narrow.GetAsync($"/v1/users/{user.Id}")).Ok();
        (await narrow.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { Roles.SuperAdmin } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await narrow.PostAsync("/v1/users", new { email = Fresh.Name() + "@test.example", roles = new[] { Roles.TenantUser } })).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task UsersOfOtherTenants_AreNotThere()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: ours);
        var other = await SeededTenant.CreateAsync(Grid);
        using var user = await ours.AddUserAsync(Roles.TenantViewer);
        using var partnerAdmin = await sibling.AddUserAsync(Roles.PartnerAdmin);
        using var neighbour = await sibling.AddUserAsync(Roles.TenantAdmin);
        using var stranger = await other.AddUserAsync(Roles.PartnerAdmin);
        foreach (var caller in new[] { neighbour, stranger })
        {
            (await caller.Api.GetAsync($"/v1/users/{user.Id}")).Error(404, "NOT_FOUND");
            (await caller.Api.PutAsync($"/v1/users/{user.Id}", new { status = "suspended" })).Error(404, "NOT_FOUND");
            (await caller.Api.DeleteAsync($"/v1/users/{user.Id}")).Error(404, "NOT_FOUND");
            (await caller.Api.PutAsync($"/v1/users/{user.Id}/roles", new { roles = Array.Empty<string>() })).Error(404, "NOT_FOUND");
            (await caller.Api.GetAsync($"/v1/users/{user.Id}/module-permissions")).Error(404, "NOT_FOUND");
            (await caller.Api.PutAsync($"/v1/users/{user.Id}/module-permissions", new { permissions = Array.Empty<string>() })).Error(404, "NOT_FOUND");
            (await caller.Api.GetAsync($"/v1/users?tenant_id={ours.Id}")).Invalid("tenant_id");
        }

        (await partnerAdmin.Api.GetAsync($"/v1/users/{user.Id}")).Ok();
        Assert.Equal([user.Id], await partnerAdmin.Api.IdsAsync($"/v1/users?tenant_id={ours.Id}", limit: 10));
        (await partnerAdmin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { Roles.PartnerViewer } })).Ok();
        (await partnerAdmin.Api.DeleteAsync($"/v1/users/{user.Id}")).NoContent();
    }
}
