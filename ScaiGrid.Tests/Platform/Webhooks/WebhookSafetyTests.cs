using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>Tenants choose the URLs of webhooks: they must not reach internal addresses, and must not get events of other tenants.</summary>
public sealed class WebhookSafetyTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task AsInstalled_OnlyHttpsAndPublicAddressesAreAccepted()
    {
        var settings = Services.Settings;
        settings.Remove("SCAIGRID_WEBHOOK_ALLOW_HTTP");
        settings.Remove("SCAIGRID_WEBHOOK_ALLOW_PRIVATE");
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        foreach (var url in (string[])["http://receiver.example/", "https://127.0.0.1/", "https://10.0.0.1:8443/x", "https://[::1]/", "https://169.254.169.254/", "https://[::ffff:192.168.0.1]/"])
        {
            (await api.PostAsync("/v1/webhooks", new { url, events = new[] { "scaikey.*" } })).Invalid("url");
        }

        // A host name is accepted, and refused when it is resolved.
        var id = (string)(await api.PostAsync("/v1/webhooks", new { url = "https://localhost:9/", events = new[] { "scaikey.*" } })).Created()["id"]!;
        var result = (await api.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok();
        Assert.Equal("The host's address is not allowed.", (string?)result["error"]);
        (await api.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
    }

    [Fact]
    public async Task OtherTenants_SeeNeitherWebhookNorEvents()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var ours = await SeededTenant.CreateAsync(Grid);
        var sibling = await SeededTenant.CreateAsync(Grid, ours);
        using var us = await ours.AddUserAsync(Roles.TenantAdmin);
        using var them = await sibling.AddUserAsync(Roles.TenantAdmin);
        using var user = await ours.AddUserAsync(Roles.TenantUser);
        var id = (string)(await us.Api.PostAsync("/v1/webhooks", new { url = receiver.UrlOf("ours"), events = new[] { "*" } })).Created()["id"]!;
        await them.Api.PostAsync("/v1/webhooks", new { url = receiver.UrlOf("theirs"), events = new[] { "*" } });
        (await user.Api.GetAsync("/v1/webhooks")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await them.Api.GetAsync($"/v1/webhooks/{id}")).Error(404, "NOT_FOUND");
        (await them.Api.PutAsync($"/v1/webhooks/{id}", new { status = "paused" })).Error(404, "NOT_FOUND");
        (await them.Api.DeleteAsync($"/v1/webhooks/{id}")).Error(404, "NOT_FOUND");
        (await them.Api.PostAsync($"/v1/webhooks/{id}/test", new { })).Error(404, "NOT_FOUND");
        (await them.Api.GetAsync($"/v1/webhooks/{id}/deliveries")).Error(404, "NOT_FOUND");

        Assert.Equal(200, (int)(await user.Api.ChatAsync("scailabs/echo")).Status);
        await Poll.UntilAsync(() => Task.FromResult(receiver.CountOf("ours") == 1), "the event at its own tenant's receiver");
        var delivery = (await us.Api.IdsAsync($"/v1/webhooks/{id}/deliveries?x=1", 10)).Single();
        (await them.Api.GetAsync($"/v1/webhooks/{id}/deliveries/{delivery}")).Error(404, "NOT_FOUND");
        (await them.Api.PostAsync($"/v1/webhooks/{id}/deliveries/{delivery}/redeliver", new { })).Error(404, "NOT_FOUND");
        Assert.Equal(0, receiver.CountOf("theirs"));
    }

    [Fact]
    public async Task StoredSecret_IsSealed()
    {
        var created = (await Admin.PostAsync("/v1/webhooks", new { url = "https://receiver.example/", events = new[] { "scaikey.*" }, secret = "canary-secret-in-clear" })).Created();
        var row = await Services.MariaDb.RowAsync("SELECT * FROM webhooks WHERE id = @id", ("id", (string)created["id"]!));
        Assert.DoesNotContain("canary-secret", string.Join(' ', row.Values), StringComparison.Ordinal);
        Assert.StartsWith("v1:", row["secret"], StringComparison.Ordinal);
        (await Admin.DeleteAsync($"/v1/webhooks/{created["id"]}")).NoContent();
    }
}
