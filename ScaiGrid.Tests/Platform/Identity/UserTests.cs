using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

public sealed class UserTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task User_IsMadeReadAndChanged()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var answer = await Admin.PostAsync("/v1/users", new { email = "Ada@Test.Example", tenant_id = tenant.Id, roles = new[] { Roles.TenantUser }, external_id = "sub-1" });
        var made = answer.Created();
        var id = (string)made["id"]!;
        Assert.StartsWith("usr_", id, StringComparison.Ordinal);
        Assert.Equal($"/v1/users/{id}", answer.Headers["Location"]);
        Assert.Equal(
            (tenant.Id, "ada@test.example", "ada@test.example", "active", "sub-1"),
            ((string?)made["tenant_id"], (string?)made["email"], (string?)made["display_name"], (string?)made["status"], (string?)made["external_id"]));
        Assert.Equal([Roles.TenantUser], made["roles"]!.AsArray().Select(role => (string?)role));
        Assert.Equal(made.ToJsonString(), (await Admin.GetAsync($"/v1/users/{id}")).Ok().ToJsonString());
        var changed = (await Admin.PutAsync($"/v1/users/{id}", new { display_name = "Ada 😀", external_id = (string?)null })).Ok();
        Assert.Equal(("Ada 😀", null), ((string?)changed["display_name"], (string?)changed["external_id"]));
        (await Admin.PostAsync("/v1/users", new { email = "ADA@test.example", tenant_id = tenant.Id })).Error(409, "CONFLICT");
    }

    [Fact]
    public async Task Pages_CoverTheTenantsUsersOnceNewestFirst()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        List<string> made = [admin.Id];
        for (var i = 0; i < 4; i++)
        {
            made.Add((string)(await admin.Api.PostAsync("/v1/users", new { email = $"{i}@test.example" })).Created()["id"]!);
        }

        Assert.Equal(made.OrderDescending(StringComparer.Ordinal), await admin.Api.IdsAsync("/v1/users?", limit: 2));
        (await admin.Api.PutAsync($"/v1/users/{made[1]}", new { status = "suspended" })).Ok();
        (await admin.Api.DeleteAsync($"/v1/users/{made[2]}")).NoContent();
        Assert.Equal([made[1]], await admin.Api.IdsAsync("/v1/users?status=suspended", limit: 10));
        Assert.Equal([made[2]], await admin.Api.IdsAsync("/v1/users?status=deleted", limit: 10));
        Assert.Equal([made[4], made[3], made[0]], await admin.Api.IdsAsync("/v1/users?status=active", limit: 10));
        Assert.DoesNotContain(made[2], await admin.Api.IdsAsync("/v1/users?", limit: 10));
        (await admin.Api.GetAsync($"/v1/users/{made[2]}")).Error(404, "NOT_FOUND");
        (await admin.Api.GetAsync("/v1/users?status=gone")).Invalid("status");
    }

    [Fact]
    public async Task DeletedUser_IsShutOut_AndTheirEmailIsFree()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        (await admin.Api.DeleteAsync($"/v1/users/{user.Id}")).NoContent();
        (await user.Api.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        Assert.DoesNotContain(user.KeyId, await admin.Api.IdsAsync("/v1/api-keys?", limit: 10));
        var again = (await admin.Api.PostAsync("/v1/users", new { email = user.Email })).Created();
        Assert.NotEqual(user.Id, (string?)again["id"]);
        (await admin.Api.DeleteAsync($"/v1/users/{user.Id}")).Error(404, "NOT_FOUND");
        (await admin.Api.DeleteAsync($"/v1/users/{again["id"]}")).NoContent();
        (await admin.Api.PostAsync("/v1/users", new { email = user.Email })).Created();
    }

    [Fact]
    public async Task Roles_AreReplaced_AndCountAtOnce()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantViewer);
        (await user.Api.ChatAsync("scailabs/echo")).Error(403, "AUTHZ_PERMISSION_DENIED");
        var view = (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { Roles.TenantUser } })).Ok();
        Assert.Equal([Roles.TenantUser], view["roles"]!.AsArray().Select(role => (string?)role));
        (await user.Api.ChatAsync("scailabs/echo")).Ok();
        (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { roles = Array.Empty<string>() })).Ok();
        Assert.Empty((await user.Api.GetAsync("/v1/me")).Ok()["permissions"]!.AsArray());
        (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { "owner", null } })).Invalid("roles[0]", "roles[1]");
        (await admin.Api.PutAsync($"/v1/users/{user.Id}/roles", new { custom_role_ids = new[] { "role_x" } })).Invalid("custom_role_ids");
    }

    [Theory]
    [InlineData("""{}""", "email")]
    [InlineData("""{"email":"nobody"}""", "email")]
    [InlineData("""{"email":"a@b,c@d"}""", "email")]
    [InlineData("""{"email":"a@b\r\nBcc: c@d"}""", "email")]
    [InlineData("""{"email":"a@b.c","roles":["root"],"external_id":"é"}""", "external_id", "roles[0]")]
    [InlineData("""{"email":"a@b.c","tenant_id":"tnt_01ARZ3NDEKTSV4RRFFQ69G5FAV"}""", "tenant_id")]
    public async Task WrongFields_AreNamed(string body, params string[] fields) =>
        (await Admin.SendAsync(HttpMethod.Post, "/v1/users", body)).Invalid(fields);

    [Fact]
    public async Task Nobody_ChangesThemselves()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await admin.Api.DeleteAsync($"/v1/users/{admin.Id}")).Error(409, "CONFLICT");
        (await admin.Api.PutAsync($"/v1/users/{admin.Id}", new { status = "suspended" })).Error(409, "CONFLICT");
        (await admin.Api.PutAsync($"/v1/users/{admin.Id}/roles", new { roles = new[] { Roles.TenantViewer } })).Error(409, "CONFLICT");
        (await admin.Api.PutAsync($"/v1/users/{admin.Id}", new { display_name = "Me" })).Ok();
    }
}
