using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>The owner of a resource, which determines who else can see it.</summary>
internal enum Owner
{
    /// <summary>The installation: visible to everybody.</summary>
    Grid,

    /// <summary>A partner: visible to callers with access to that partner.</summary>
    Partner,

    /// <summary>A tenant: visible to callers whose permission reaches it.</summary>
    Tenant,

    /// <summary>A tenant: visible to its members, and to callers with access to the whole installation.</summary>
    Visible,

    /// <summary>A tenant or a user: visible to the tenant's members only.</summary>
    Members,

    /// <summary>A user: visible to that user, and to those who manage the tenant's users.</summary>
    User,
}

/// <summary>A kind of resource that paths of the API name.</summary>
/// <param name="Path">The path in the OpenAPI document, up to its last parameter.</param>
/// <param name="Owner">The owner.</param>
/// <param name="CreateAsync">Creates a resource that belongs to a user or their tenant or partner, and returns its address.</param>
internal sealed record Resource(string Path, Owner Owner, Func<ApiDriver, SeededTenant, SeededUser, Task<string>> CreateAsync);

/// <summary>
/// How to create each resource that a path of the API names. Who may use it is not part of the table: that follows from the declared permission of each
/// operation. A new path with a parameter needs a row.
/// </summary>
internal static class RoleTable
{
    public static readonly IReadOnlyList<Resource> Resources =
    [
        new("/oai/v1/models/{model}", Owner.Grid, (_, _, _) => Task.FromResult("/oai/v1/models/scailabs/echo")),
        new("/oai/v1/batches/{id}", Owner.Members, async (_, tenant, user) => $"/oai/v1/batches/{await BatchAsync(await MakerAsync(tenant, user))}"),
        new("/oai/v1/files/{id}", Owner.Members, async (_, tenant, user) => $"/oai/v1/files/{await FileAsync(await MakerAsync(tenant, user))}"),
        new("/v1/api-keys/{id}", Owner.User, async (_, tenant, user) => $"/v1/api-keys/{(await tenant.CreateKeyAsync(user.Id)).Id}"),
        new("/v1/backends/{id}", Owner.Visible, async (admin, tenant, _) =>
        {
            var backend = await BackendAsync(admin);
            var model = await IdAsync(admin, "/v1/models", new { slug = $"tenant/{tenant.Slug}/{Fresh.Name()}" });
            (await admin.PutAsync($"/v1/models/{model}/routing", new { targets = new[] { new { backend_id = backend } } })).Ok();
            return $"/v1/backends/{backend}";
        }),
        new("/v1/files/{id}", Owner.Members, async (_, tenant, user) => $"/v1/files/{await FileAsync(await MakerAsync(tenant, user))}"),
        new("/v1/iam/custom-roles/{id}", Owner.Tenant, (admin, tenant, _) => AddAsync(
            admin, "/v1/iam/custom-roles", new { name = "Test", slug = Fresh.Name(), tenant_id = tenant.Id })),
        new("/v1/inference/batch/{id}", Owner.Members, async (_, tenant, user) => $"/v1/inference/batch/{await BatchAsync(await MakerAsync(tenant, user))}"),
        new("/v1/model-access/{id}", Owner.Grid, async (admin, tenant, _) =>
        {
            var model = await IdAsync(admin, "/v1/models", new { slug = $"tenant/{tenant.Slug}/{Fresh.Name()}" });
            return $"/v1/model-access/{(await admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = model, access = "block" })).Ok()["id"]}";
        }),
        new("/v1/model-groups/{id}", Owner.Grid, (admin, _, _) => AddAsync(admin, "/v1/model-groups", new { name = Fresh.Name() })),
        new("/v1/models/{model}", Owner.Visible, (admin, tenant, _) => AddAsync(admin, "/v1/models", new { slug = $"tenant/{tenant.Slug}/{Fresh.Name()}" })),
        new("/v1/partners/{id}", Owner.Partner, (_, tenant, _) => Task.FromResult($"/v1/partners/{tenant.PartnerId}")),
        new("/v1/providers/{id}", Owner.Grid, async (admin, _, _) => $"/v1/providers/{await ProviderAsync(admin)}"),
        new("/v1/rooms/{id}", Owner.Members, async (_, tenant, user) => await AddAsync(await MakerAsync(tenant, user), "/v1/rooms", new { name = "Test" })),
        new("/v1/rooms/{id}/members/{type}/{member}", Owner.Members, async (_, tenant, user) =>
        {
            var maker = await MakerAsync(tenant, user);
            var room = await AddAsync(maker, "/v1/rooms", new { name = "Test" });
            (await maker.PostAsync($"{room}/members", new { type = "model", id = "scailabs/echo" })).Created();
            return $"{room}/members/model/scailabs/echo";
        }),
        new("/v1/sessions/{id}", Owner.Members, async (_, tenant, user) => await AddAsync(await MakerAsync(tenant, user), "/v1/sessions", new { model = "scailabs/echo" })),
        new("/v1/tenants/{id}", Owner.Tenant, (_, tenant, _) => Task.FromResult($"/v1/tenants/{tenant.Id}")),
        new("/v1/users/{id}", Owner.Tenant, (admin, tenant, _) => AddAsync(
            admin, "/v1/users", new { email = $"{Fresh.Name()}@test.example", tenant_id = tenant.Id })),
        new("/v1/webhooks/{id}", Owner.Members, async (_, tenant, _) =>
        {
            using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
            return await AddAsync(admin.Api, "/v1/webhooks", new { url = "https://receiver.example/", events = new[] { "*" } });
        }),
    ];

    /// <summary>Resources that no API call creates, or that can have different owners: the tests that check access across tenants, and the reason.</summary>
    public static readonly IReadOnlyDictionary<string, string> Elsewhere = new Dictionary<string, string>
    {
        ["/v1/accounting/budgets/{id}"] = "BudgetAccessTests: whose it is depends on its scope",
        ["/v1/admin/jobs/{id}"] = "JobEndpointTests: queued work, which is there while it waits or once it failed for good",
        ["/v1/groups/{id}"] = "GroupTests: the identity provider's",
        ["/v1/role-mappings/{id}"] = "GroupTests: needs a group",
        ["/v1/webhooks/{id}/deliveries/{deliveryId}"] = "WebhookSafetyTests: an event makes them",
    };

    /// <summary>The user, if they may use models. Otherwise another member of the tenant, because the user is refused in any case.</summary>
    private static async Task<ApiDriver> MakerAsync(SeededTenant tenant, SeededUser user) =>
        (await user.Api.GetAsync("/v1/me")).Ok()["permissions"]!.AsArray().Any(held => (string?)held == Permissions.UseModels)
            ? user.Api
            : (await tenant.AddUserAsync(Roles.TenantUser)).Api;

    private static async Task<string> FileAsync(ApiDriver maker)
    {
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new ByteArrayContent("{}\n"u8.ToArray()), "file", "input.jsonl" } };
        using var response = await maker.Http.PostAsync(new Uri("/v1/files", UriKind.Relative), form);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, text);
        return (string)JsonNode.Parse(text)!["data"]!["id"]!;
    }

    private static Task<string> BatchAsync(ApiDriver maker) => IdAsync(maker, "/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String("{}\n"u8) });

    private static async Task<string> AddAsync(ApiDriver admin, string path, object body) => $"{path}/{await IdAsync(admin, path, body)}";

    private static async Task<string> IdAsync(ApiDriver admin, string path, object body) => (string)(await admin.PostAsync(path, body)).Created()["id"]!;

    private static Task<string> ProviderAsync(ApiDriver admin) => IdAsync(
        admin, "/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = "http://127.0.0.1:9/v1", api_key = "sk-secret-of-the-test" } });

    private static async Task<string> BackendAsync(ApiDriver admin) => await IdAsync(
        admin, "/v1/backends", new { name = "test", provider_id = await ProviderAsync(admin), model = "none", capabilities = new JsonArray("chat") });
}
