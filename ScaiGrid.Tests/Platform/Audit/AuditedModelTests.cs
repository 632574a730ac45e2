using System.Net.Http.Headers;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>What the audit log has of changes to models and providers.</summary>
public sealed class AuditedModelTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task SystemPrompt_IsNotInTheTenantsLog()
    {
        const string Prompt = "Our secret sauce.";
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = $"tenant/{tenant.Slug}/x", system_prompt_template = Prompt })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}", new { system_prompt_template = Prompt + " More of it." })).Ok();

        // The tenant sees that its model was changed.
        var rows = await admin.Api.AuditAsync($"resource_id={model}");
        Assert.Equal(["model.update", "model.create"], rows.Select(row => (string?)row["action"]));
        Assert.All(rows, row => Assert.Equal("••••", (string?)row["changes"]![0]!["after"]!["system_prompt_template"]));
        Assert.DoesNotContain("secret sauce", (await admin.Api.GetAsync("/v1/audit-log/export")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelNamedByItsSlug_IsRecordedByItsId()
    {
        var (slug, id) = await ModelAsync();
        var path = $"/v1/models/{Uri.EscapeDataString(slug)}";
        (await Admin.PutAsync($"{path}/routing", new { targets = Array.Empty<object>() })).Ok();
        using var content = new ByteArrayContent([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        using var stored = await Admin.Http.PostAsync(new Uri($"{path}/avatar", UriKind.Relative), content);
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync());
        (await Admin.DeleteAsync($"{path}/avatar")).NoContent();
        Assert.Equal(
            ["model.avatar_delete", "model.avatar", "model.routing_update", "model.create"],
            (await Admin.AuditAsync($"resource_id={id}")).Select(row => (string?)row["action"]));
    }

    [Fact]
    public async Task Import_IsRecordedForItsProvider()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = """{"data":[{"id":"m"}]}""";
        var provider = (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = upstream.BaseUrl } })).Created()["id"]!;
        (await Admin.SendAsync(HttpMethod.Post, $"/v1/providers/{provider}/discover?import=true")).Ok();
        Assert.Single(await Admin.AuditAsync($"resource_id={provider}&resource_type=provider&action=provider.discover"));
    }

    private async Task<(string Slug, string Id)> ModelAsync()
    {
        var model = (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created();
        return ((string)model["slug"]!, (string)model["id"]!);
    }
}
