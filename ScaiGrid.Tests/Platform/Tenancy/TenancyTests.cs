using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Tenancy;

public sealed class TenancyTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Partner_IsMadeReadAndChanged()
    {
        var slug = Fresh.Name();
        var answer = await Admin.PostAsync("/v1/partners", new { slug, display_name = "Zoë" });
        var made = answer.Created();
        var id = (string)made["id"]!;
        Assert.StartsWith("prt_", id, StringComparison.Ordinal);
        Assert.Equal($"/v1/partners/{id}", answer.Headers["Location"]);
        Assert.Equal((slug, "Zoë"), ((string?)made["slug"], (string?)made["display_name"]));
        Assert.Equal(made.ToJsonString(), (await Admin.GetAsync($"/v1/partners/{id}")).Ok().ToJsonString());
        Assert.Equal("New", (string?)(await Admin.PutAsync($"/v1/partners/{id}", new { display_name = "New", slug })).Ok()["display_name"]);
        Assert.Contains(id, await Admin.IdsAsync("/v1/partners?", limit: 1000));
        (await Admin.PostAsync("/v1/partners", new { slug })).Error(409, "SLUG_CONFLICT");
        (await Admin.PutAsync($"/v1/partners/{id}", new { slug = "other" })).Invalid("slug");
    }

    [Fact]
    public async Task Tenant_IsMadeReadAndChanged()
    {
        var partner = (string)(await Admin.PostAsync("/v1/partners", new { slug = Fresh.Name() })).Created()["id"]!;
        var slug = Fresh.Name();
        var answer = await Admin.PostAsync("/v1/tenants", new { slug, display_name = "T", partner_id = partner, settings = new { theme = "dark" } });
        var made = answer.Created();
        var id = (string)made["id"]!;
        Assert.StartsWith("tnt_", id, StringComparison.Ordinal);
        Assert.Equal($"/v1/tenants/{id}", answer.Headers["Location"]);
        Assert.Equal((partner, slug, "active", "dark"), ((string?)made["partner_id"], (string?)made["slug"], (string?)made["status"], (string?)made["settings"]!["theme"]));
        var changed = (await Admin.PutAsync($"/v1/tenants/{id}", new { status = "suspended", settings = new { } })).Ok();
        Assert.Equal(("suspended", "{}"), ((string?)changed["status"], changed["settings"]!.ToJsonString()));
        Assert.Equal(changed.ToJsonString(), (await Admin.GetAsync($"/v1/tenants/{id}")).Ok().ToJsonString());
        Assert.Equal([id], await Admin.IdsAsync($"/v1/tenants?partner_id={partner}&status=suspended", limit: 10));
        Assert.Empty(await Admin.IdsAsync($"/v1/tenants?partner_id={partner}&status=active", limit: 10));
        (await Admin.PostAsync("/v1/tenants", new { slug })).Error(409, "SLUG_CONFLICT");
        (await Admin.PutAsync($"/v1/tenants/{id}", new { partner_id = "prt_x", status = "gone" })).Invalid("partner_id", "status");
    }

    [Theory]
    [InlineData("""{}""", "slug")]
    [InlineData("""{"slug":"Upper"}""", "slug")]
    [InlineData("""{"slug":"a/b"}""", "slug")]
    [InlineData("""{"slug":"é"}""", "slug")]
    [InlineData("""{"slug":"a b"}""", "slug")]
    [InlineData("""{"slug":"-a","status":"x","partner_id":"prt_01ARZ3NDEKTSV4RRFFQ69G5FAV"}""", "slug", "status", "partner_id")]
    public async Task WrongFieldsOfATenant_AreNamed(string body, params string[] fields) =>
        (await Admin.SendAsync(HttpMethod.Post, "/v1/tenants", body)).Invalid(fields);

    [Fact]
    public async Task PartnerAdmin_ActsOnThePartnersTenantsAlone()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: ours);
        var other = await SeededTenant.CreateAsync(Grid);
        using var admin = await ours.AddUserAsync(Roles.PartnerAdmin);

        Assert.Equal([ours.PartnerId], await admin.Api.IdsAsync("/v1/partners?", limit: 10));
        Assert.Equal([sibling.Id, ours.Id], await admin.Api.IdsAsync("/v1/tenants?", limit: 10));
        (await admin.Api.GetAsync($"/v1/partners/{other.PartnerId}")).Error(404, "NOT_FOUND");
        (await admin.Api.GetAsync($"/v1/tenants/{other.Id}")).Error(404, "NOT_FOUND");
        (await admin.Api.PutAsync($"/v1/tenants/{other.Id}", new { status = "suspended" })).Error(404, "NOT_FOUND");
        (await admin.Api.PostAsync("/v1/partners", new { slug = Fresh.Name() })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.PutAsync($"/v1/partners/{ours.PartnerId}", new { display_name = "x" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.PostAsync("/v1/tenants", new { slug = Fresh.Name(), partner_id = other.PartnerId })).Invalid("partner_id");

        // Without a partner_id the tenant belongs to the admin's partner.
        var made = (await admin.Api.PostAsync("/v1/tenants", new { slug = Fresh.Name() })).Created();
        Assert.Equal(ours.PartnerId, (string?)made["partner_id"]);
        (await admin.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { status = "suspended" })).Ok();
        (await admin.Api.PutAsync($"/v1/tenants/{ours.Id}", new { status = "suspended" })).Error(409, "CONFLICT");
    }

    [Fact]
    public async Task TenantOfASuperAdmin_IsSuspendedAndLimitedByOneAlone()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: ours);
        using var partner = await ours.AddUserAsync(Roles.PartnerAdmin);
        using var super = await sibling.AddUserAsync(Roles.SuperAdmin);
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { status = "suspended" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}/rate-limits", new { tenant = new { requests_per_minute = 1 } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { display_name = "Ops" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { settings = new { timezone = "Pacific/Kiritimati" } })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { status = "active" })).Ok();
        Assert.True(await super.IsKnownAsync());
        (await Admin.PutAsync($"/v1/tenants/{sibling.Id}/rate-limits", new { tenant = new { requests_per_minute = 100 } })).Ok();
        (await Admin.PutAsync($"/v1/tenants/{sibling.Id}", new { status = "suspended" })).Ok();
        (await partner.Api.PutAsync($"/v1/tenants/{sibling.Id}", new { status = "active" })).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task TenantOfTheInstallationsServices_IsSuspendedAndLimitedBySuperAdminsAlone()
    {
        var home = (await Admin.GetAsync("/v1/me")).Ok();
        var tenant = (string)(await Admin.PostAsync("/v1/tenants", new { slug = Fresh.Name() })).Created()["id"]!;
        var user = (await Admin.PostAsync("/v1/users", new { email = Fresh.Name() + "@test.example", tenant_id = tenant, roles = new[] { Roles.PartnerAdmin } })).Created();
        var key = (await Admin.PostAsync("/v1/api-keys", new { name = "x", assigned_user_id = (string)user["id"]! })).Created();
        using var partner = Admin.As((string)key["key"]!);
        var path = $"/v1/tenants/{home["tenant"]!["id"]}";
        (await partner.GetAsync(path)).Ok();
        (await partner.PutAsync(path, new { status = "suspended" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await partner.PutAsync($"{path}/rate-limits", new { })).Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.Equal("active", (string?)(await Admin.GetAsync(path)).Ok()["status"]);
    }

    [Fact]
    public async Task TenantAdmin_SeesTheirTenantAlone()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, sibling: ours);
        using var admin = await ours.AddUserAsync(Roles.TenantAdmin);
        Assert.Equal([ours.Id], await admin.Api.IdsAsync("/v1/tenants?", limit: 10));
        (await admin.Api.GetAsync($"/v1/tenants/{ours.Id}")).Ok();
        (await admin.Api.GetAsync($"/v1/tenants/{sibling.Id}")).Error(404, "NOT_FOUND");
        (await admin.Api.PutAsync($"/v1/tenants/{ours.Id}", new { display_name = "x" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.PostAsync("/v1/tenants", new { slug = Fresh.Name() })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await admin.Api.GetAsync("/v1/partners")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }
}
