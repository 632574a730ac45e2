using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Support;

/// <summary>A tenant for one test, and its users with a key each, created through the API by the bootstrap's super admin.</summary>
public sealed class SeededTenant
{
    private readonly ApiDriver _api;

    private SeededTenant(ApiDriver api, JsonNode partner, JsonNode tenant)
    {
        _api = api;
        (PartnerId, PartnerSlug) = ((string)partner["id"]!, (string)partner["slug"]!);
        (Id, Slug) = ((string)tenant["id"]!, (string)tenant["slug"]!);
    }

    public string Id { get; }

    public string Slug { get; }

    public string PartnerId { get; }

    public string PartnerSlug { get; }

    /// <summary>Creates a tenant of a new partner, or of the partner of <paramref name="sibling"/>.</summary>
    public static Task<SeededTenant> CreateAsync(Grid grid, SeededTenant? sibling = null) => CreateAsync(grid.Admin, sibling);

    /// <inheritdoc cref="CreateAsync(Grid, SeededTenant?)"/>
    public static async Task<SeededTenant> CreateAsync(ApiDriver admin, SeededTenant? sibling = null)
    {
        var unique = Guid.CreateVersion7().ToString("N")[^12..];
        var partner = sibling is null
            ? (await admin.PostAsync("/v1/partners", new { slug = $"partner-{unique}", display_name = "Test" })).Created()
            : (await admin.GetAsync($"/v1/partners/{sibling.PartnerId}")).Ok();
        var tenant = (await admin.PostAsync(
            "/v1/tenants", new { slug = $"tenant-{unique}", display_name = "Test", partner_id = (string)partner["id"]! })).Created();
        return new SeededTenant(admin, partner, tenant);
    }

    /// <summary>Adds a user to this tenant, with a driver that calls with the user's key.</summary>
    public async Task<SeededUser> AddUserAsync(params string[] roles)
    {
        var email = $"{Guid.CreateVersion7():N}@test.example";
        var user = (await _api.PostAsync("/v1/users", new { email, display_name = "Test", tenant_id = Id, roles })).Created();
        var (keyId, key) = await CreateKeyAsync((string)user["id"]!);
        return new SeededUser((string)user["id"]!, email, keyId, _api.As(key));
    }

    /// <summary>Creates a further key of a user.</summary>
    public async Task<(string Id, string Key)> CreateKeyAsync(string userId, params string[]? scopes)
    {
        var body = new { name = "test", assigned_user_id = userId, scopes = scopes is { Length: > 0 } ? scopes : null };
        var key = (await _api.PostAsync("/v1/api-keys", body)).Created();
        return ((string)key["id"]!, (string)key["key"]!);
    }

    public Task SuspendAsync() => SetStatusAsync($"/v1/tenants/{Id}", "suspended");

    public Task ActivateAsync() => SetStatusAsync($"/v1/tenants/{Id}", "active");

    public Task SuspendAsync(SeededUser user) => SetStatusAsync($"/v1/users/{user.Id}", "suspended");

    private async Task SetStatusAsync(string path, string status) => (await _api.PutAsync(path, new { status })).Ok();
}

/// <summary>A user created by <see cref="SeededTenant"/>.</summary>
/// <param name="Id">usr_…</param>
/// <param name="Email">The e-mail address.</param>
/// <param name="KeyId">The id of the key that <paramref name="Api"/> uses.</param>
/// <param name="Api">Calls as this user.</param>
public sealed record SeededUser(string Id, string Email, string KeyId, ApiDriver Api) : IDisposable
{
    public async Task<bool> IsKnownAsync() => (int)(await Api.GetAsync("/v1/me")).Status == 200;

    public void Dispose() => Api.Dispose();
}
