using ScaiGrid.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>Groups come from the identity provider. Here they are inserted into the database, as its events would do.</summary>
public sealed class GroupTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task MembersHoldTheMappedRole_AsLongAsTheyAreMembers()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantViewer);
        var (outer, inner) = (await AddGroupAsync(tenant), await AddGroupAsync(tenant));
        await ExecuteAsync("INSERT INTO user_group_children (group_id, child_id) VALUES (@a, @b)", outer, inner);
        await ExecuteAsync("INSERT INTO user_group_members (group_id, user_id) VALUES (@a, @b)", inner, user.Id);

        Assert.Equal([inner, outer], await admin.Api.IdsAsync("/v1/groups?", limit: 1));
        var detail = (await admin.Api.GetAsync($"/v1/groups/{outer}")).Ok();
        Assert.Equal((0, inner), ((int)detail["member_count"]!, (string?)detail["group_ids"]![0]));
        Assert.Equal(1, (int)(await admin.Api.GetAsync($"/v1/groups/{inner}")).Ok()["member_count"]!);

        var answer = await admin.Api.PostAsync("/v1/role-mappings", new { group_id = outer, role = Roles.TenantUser });
        var made = answer.Created();
        var id = (string)made["id"]!;
        Assert.Equal($"/v1/role-mappings/{id}", answer.Headers["Location"]);
        Assert.Equal((outer, Roles.TenantUser, true), ((string?)made["group_id"], (string?)made["role"], (bool)made["auto_revoke"]!));
        Assert.Equal([id], await admin.Api.IdsAsync("/v1/role-mappings?", limit: 10));
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        var view = (await admin.Api.GetAsync($"/v1/users/{user.Id}")).Ok();
        Assert.Equal((Roles.TenantViewer, Roles.TenantUser), ((string?)view["roles"]![0], (string?)view["group_roles"]![0]));
        (await admin.Api.PostAsync("/v1/role-mappings", new { group_id = outer, role = Roles.TenantUser })).Error(409, "CONFLICT");

        await ExecuteAsync("DELETE FROM user_group_members WHERE group_id = @a AND user_id = @b", inner, user.Id);
        await Poll.UntilAsync(async () => (int)(await user.Api.ChatAsync("scailabs/echo")).Status == 403, "the role to end with the membership");
        await ExecuteAsync("INSERT INTO user_group_members (group_id, user_id) VALUES (@a, @b)", inner, user.Id);
        await Poll.UntilAsync(async () => (int)(await user.Api.ChatAsync("scailabs/echo")).Status == 200, "the role to come back");
        (await admin.Api.DeleteAsync($"/v1/role-mappings/{id}")).NoContent();
        (await user.Api.ChatAsync("scailabs/echo")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task WithoutAutoRevoke_TheRoleStays()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantViewer);
        var group = await AddGroupAsync(tenant);
        await ExecuteAsync("INSERT INTO user_group_members (group_id, user_id) VALUES (@a, @b)", group, user.Id);
        var id = (string)(await admin.Api.PostAsync("/v1/role-mappings", new { group_id = group, role = Roles.TenantUser, auto_revoke = false })).Created()["id"]!;
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        (await admin.Api.DeleteAsync($"/v1/role-mappings/{id}")).NoContent();
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        Assert.Equal(
            [Roles.TenantUser, Roles.TenantViewer], (await admin.Api.GetAsync($"/v1/users/{user.Id}")).Ok()["roles"]!.AsArray().Select(role => (string?)role));
    }

    [Fact]
    public async Task TenantOfAGroupOfSuperAdmins_IsSuspendedByOneAlone()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var partner = await (await SeededTenant.CreateAsync(Grid, sibling: tenant)).AddUserAsync(Roles.PartnerAdmin);
        (await Admin.PostAsync("/v1/role-mappings", new { group_id = await AddGroupAsync(tenant), role = Roles.SuperAdmin })).Created();
        (await partner.Api.PutAsync($"/v1/tenants/{tenant.Id}", new { status = "suspended" })).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task MappingIsNoWayUp_NorIntoAnotherTenant()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        using var stranger = await (await SeededTenant.CreateAsync(Grid, sibling: ours)).AddUserAsync(Roles.TenantAdmin);
        var group = await AddGroupAsync(ours);
        foreach (var role in (string[])[Roles.SuperAdmin, Roles.PartnerAdmin, Roles.PartnerViewer])
        {
            (await admin.Api.PostAsync("/v1/role-mappings", new { group_id = group, role })).Error(403, "AUTHZ_PERMISSION_DENIED");
        }

        var id = (string)(await Admin.PostAsync("/v1/role-mappings", new { group_id = group, role = Roles.PartnerAdmin })).Created()["id"]!;
        (await admin.Api.DeleteAsync($"/v1/role-mappings/{id}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await stranger.Api.DeleteAsync($"/v1/role-mappings/{id}")).Error(404, "NOT_FOUND");
        (await stranger.Api.GetAsync($"/v1/groups/{group}")).Error(404, "NOT_FOUND");
        (await stranger.Api.PostAsync("/v1/role-mappings", new { group_id = group, role = Roles.TenantViewer })).Invalid("group_id");
        Assert.Empty(await stranger.Api.IdsAsync("/v1/groups?", limit: 10));
        Assert.Empty(await stranger.Api.IdsAsync("/v1/role-mappings?", limit: 10));
        (await admin.Api.PostAsync("/v1/role-mappings", new { role = "owner" })).Invalid("group_id", "role");
    }

    private async Task<string> AddGroupAsync(SeededTenant tenant)
    {
        var id = Ids.New(Ids.Group, TimeProvider.System);
        await Services.MariaDb.ExecuteAsync(
            "INSERT INTO user_groups (id, tenant_id, external_id, name, created_at, updated_at) VALUES (@id, @tenant, @id, 'Test', 0, 0)", ("id", id), ("tenant", tenant.Id));
        return id;
    }

    // Increments the revision without noting the changed rows, so that replicas read everything again.
    private Task ExecuteAsync(string sql, string a, string b) =>
        Services.MariaDb.ExecuteAsync($"{sql}; UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1", ("a", a), ("b", b));
}
