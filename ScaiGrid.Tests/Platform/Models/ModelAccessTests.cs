using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Which tenants may use which models: rules for models and groups, and the model's default.</summary>
public sealed class ModelAccessTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task BlockedModel_ExistsAndIsDenied_OnEverySurface_AndIsInNoList()
    {
        var (tenant, user) = await TenantAsync();
        using var caller = user;
        var slug = await ConnectAsync();
        (await user.Api.ChatAsync(slug)).Ok();
        var rule = await PutAsync(tenant, "block", modelId: await IdAsync(slug));

        (await user.Api.ChatAsync(slug)).Error(403, "MODEL_ACCESS_DENIED");
        (await user.Api.ChatAsync(slug, path: "/oai/v1/chat/completions")).OpenAiError(403, "model_access_denied");
        (await user.Api.GetAsync($"/v1/models/{slug}")).Error(403, "MODEL_ACCESS_DENIED");
        (await user.Api.GetAsync($"/oai/v1/models/{slug}")).OpenAiError(403, "model_access_denied");
        Assert.DoesNotContain(slug, (await user.Api.GetAsync("/v1/models?limit=1000")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(slug, (await user.Api.GetAsync("/oai/v1/models")).Text, StringComparison.Ordinal);
        (await Admin.ChatAsync(slug)).Ok();

        (await Admin.DeleteAsync($"/v1/model-access/{rule}")).NoContent();
        (await user.Api.ChatAsync(slug)).Ok();
        Assert.Contains(slug, (await user.Api.GetAsync("/oai/v1/models")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelThatIsBlockedByDefault_IsForAllowedTenantsOnly()
    {
        var (tenant, user) = await TenantAsync();
        var (_, other) = await TenantAsync();
        using var caller = user;
        using var otherCaller = other;
        var slug = await ConnectAsync();
        var id = await IdAsync(slug);
        Assert.Equal("block", (string?)(await Admin.PutAsync($"/v1/models/{id}", new { default_access = "block" })).Ok()["default_access"]);
        (await user.Api.ChatAsync(slug)).Error(403, "MODEL_ACCESS_DENIED");
        await PutAsync(tenant, "allow", modelId: id);
        (await user.Api.ChatAsync(slug)).Ok();
        (await other.Api.ChatAsync(slug)).Error(403, "MODEL_ACCESS_DENIED");
    }

    [Fact]
    public async Task GroupRules_HoldForItsModels_AModelsOwnRuleGoesFirst_AndAGroupWithRulesIsNotDeleted()
    {
        var (tenant, user) = await TenantAsync();
        using var caller = user;
        var (one, two) = (await ConnectAsync(), await ConnectAsync());
        var group = (await Admin.PostAsync("/v1/model-groups", new { name = Fresh.Name(), model_ids = new[] { await IdAsync(one), await IdAsync(two) } })).Created();
        var groupId = (string)group["id"]!;
        var block = await PutAsync(tenant, "block", groupId: groupId);
        (await user.Api.ChatAsync(one)).Error(403, "MODEL_ACCESS_DENIED");
        (await user.Api.ChatAsync(two)).Error(403, "MODEL_ACCESS_DENIED");

        await PutAsync(tenant, "allow", modelId: await IdAsync(one));
        (await user.Api.ChatAsync(one)).Ok();
        (await user.Api.ChatAsync(two)).Error(403, "MODEL_ACCESS_DENIED");

        (await Admin.PutAsync($"/v1/model-groups/{groupId}", new { model_ids = new[] { await IdAsync(one) } })).Ok();
        (await user.Api.ChatAsync(two)).Ok();
        (await Admin.PutAsync($"/v1/model-groups/{groupId}", new { model_ids = new[] { await IdAsync(two) } })).Ok();
        (await user.Api.ChatAsync(two)).Error(403, "MODEL_ACCESS_DENIED");
        (await Admin.DeleteAsync($"/v1/model-groups/{groupId}")).Error(409, "CONFLICT");
        (await user.Api.ChatAsync(two)).Error(403, "MODEL_ACCESS_DENIED");
        (await Admin.DeleteAsync($"/v1/model-access/{block}")).NoContent();
        (await user.Api.ChatAsync(two)).Ok();
        (await Admin.DeleteAsync($"/v1/model-groups/{groupId}")).NoContent();
        (await Admin.GetAsync($"/v1/model-groups/{groupId}")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task Rules_AreSeenByTheirTenant_AndByNoOther()
    {
        var (tenant, user) = await TenantAsync("tenant_admin");
        var (otherTenant, other) = await TenantAsync("tenant_admin");
        using var caller = user;
        using var otherCaller = other;
        var id = await IdAsync(await ConnectAsync());
        var rule = await PutAsync(tenant, "block", modelId: id);
        Assert.Contains(rule, (await user.Api.GetAsync("/v1/model-access")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(rule, (await other.Api.GetAsync($"/v1/model-access?tenant_id={tenant.Id}")).Text, StringComparison.Ordinal);
        Assert.Equal(rule, (string?)(await Admin.GetAsync($"/v1/model-access?tenant_id={tenant.Id}&model_id={id}")).Ok()["items"]!.AsArray().Single()!["id"]);
        (await user.Api.PutAsync("/v1/model-access", new { tenant_id = otherTenant.Id, model_id = id, access = "block" })).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.DeleteAsync($"/v1/model-access/{rule}")).Error(403, "AUTHZ_PERMISSION_DENIED");
        (await user.Api.GetAsync("/v1/model-groups")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task WrongRules_AreNamed()
    {
        var (tenant, user) = await TenantAsync();
        user.Dispose();
        var id = await IdAsync(await ConnectAsync());
        (await Admin.PutAsync("/v1/model-access", new { })).Invalid("tenant_id", "access", "model_id");
        (await Admin.PutAsync("/v1/model-access", new { tenant_id = "tnt_01ARZ3NDEKTSV4RRFFQ69G5FAV", model_id = id, access = "block" })).Invalid("tenant_id");
        (await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = "mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV", access = "block" })).Invalid("model_id");
        (await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, group_id = "mgrp_01ARZ3NDEKTSV4RRFFQ69G5FAV", access = "deny" })).Invalid("access", "group_id");
        (await Admin.PostAsync("/v1/model-groups", new { model_ids = new[] { id, "mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV" } })).Invalid("name", "model_ids[1]");
        (await Admin.DeleteAsync("/v1/model-access/macc_01ARZ3NDEKTSV4RRFFQ69G5FAV")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task AnotherTenantsModel_IsNotThere_RatherThanDenied()
    {
        var (tenant, user) = await TenantAsync();
        var (_, other) = await TenantAsync();
        using var caller = user;
        using var otherCaller = other;
        var slug = $"tenant/{tenant.Slug}/own";
        (await Admin.PostAsync("/v1/models", new { slug, default_access = "block" })).Created();
        (await user.Api.ChatAsync(slug)).Error(403, "MODEL_ACCESS_DENIED");
        (await other.Api.ChatAsync(slug)).Error(404, "MODEL_NOT_FOUND");
        (await other.Api.GetAsync($"/v1/models/{slug}")).Error(404, "MODEL_NOT_FOUND");
    }

    private async Task<(SeededTenant Tenant, SeededUser User)> TenantAsync(string role = "tenant_user")
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        return (tenant, await tenant.AddUserAsync(role));
    }

    private Task<string> ConnectAsync()
    {
        var name = $"upstream-{Fresh.Name()}";
        Grid.Upstream.Play(name, new UpstreamScript());
        return Admin.ConnectAsync(Grid.Upstream.BaseUrl, name);
    }

    private async Task<string> IdAsync(string slug) => (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;

    private async Task<string> PutAsync(SeededTenant tenant, string access, string? modelId = null, string? groupId = null) =>
        (string)(await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = modelId, group_id = groupId, access })).Ok()["id"]!;
}
