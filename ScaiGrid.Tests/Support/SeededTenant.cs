using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Core;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A tenant, and its users with a key each, written straight into MariaDB: there is no endpoint yet that makes them. Every change
/// raises the snapshot's revision, as the platform's own writes do, and is waited for where it shows.
/// </summary>
public sealed class SeededTenant
{
    private const string Raise = "UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1";

    private readonly MariaDbServer _database;
    private readonly ApiDriver _api;

    private SeededTenant(MariaDbServer database, ApiDriver api, string partnerId, string partnerSlug)
    {
        (_database, _api, PartnerId, PartnerSlug) = (database, api, partnerId, partnerSlug);
        Slug = Id.ToLowerInvariant();
    }

    public string Id { get; } = Ids.New(Ids.Tenant, TimeProvider.System);

    public string Slug { get; }

    public string PartnerId { get; }

    public string PartnerSlug { get; }

    /// <summary>Writes a tenant of a new partner, or of a <paramref name="sibling"/>'s.</summary>
    public static async Task<SeededTenant> CreateAsync(Grid grid, SeededTenant? sibling = null)
    {
        var partnerId = sibling?.PartnerId ?? Ids.New(Ids.Partner, TimeProvider.System);
        var tenant = new SeededTenant(grid.Services!.MariaDb, grid.Admin, partnerId, partnerId.ToLowerInvariant());
        await tenant._database.ExecuteAsync(
            $"""
            INSERT IGNORE INTO partners (id, slug, display_name, created_at, updated_at) VALUES (@partner, @partner_slug, 'Test', @now, @now);
            INSERT INTO tenants (id, partner_id, slug, display_name, status, settings, created_at, updated_at)
                VALUES (@id, @partner, @slug, 'Test', 'active', @settings, @now, @now);
            {Raise};
            """,
            ("partner", partnerId), ("partner_slug", tenant.PartnerSlug), ("id", tenant.Id), ("slug", tenant.Slug), ("settings", "{}"), ("now", Now()));
        return tenant;
    }

    /// <summary>Adds a user of this tenant, and a driver that calls with their key.</summary>
    public async Task<SeededUser> AddUserAsync(string role)
    {
        var id = Ids.New(Ids.User, TimeProvider.System);
        var key = $"sgk_{RandomNumberGenerator.GetHexString(64, lowercase: true)}";
        var keyId = Ids.New(Ids.ApiKey, TimeProvider.System);
        await _database.ExecuteAsync(
            $"""
            INSERT INTO users (id, tenant_id, email, display_name, status, created_at, updated_at) VALUES (@id, @tenant, @email, 'Test', 'active', @now, @now);
            INSERT INTO user_roles (user_id, role) VALUES (@id, @role);
            INSERT INTO api_keys (id, tenant_id, user_id, name, hash, prefix, created_at, created_by) VALUES (@key, @tenant, @id, 'test', @hash, 'sgk_', @now, @id);
            {Raise};
            """,
            ("id", id), ("tenant", Id), ("email", $"{id}@test.example"), ("role", role), ("key", keyId), ("now", Now()),
            ("hash", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))));
        var user = new SeededUser(id, keyId, _api.As(key));
        await Poll.UntilAsync(user.IsKnownAsync, "the new user's key");
        return user;
    }

    public Task SuspendAsync() => SetStatusAsync("tenants", Id, "suspended");

    public Task ActivateAsync() => SetStatusAsync("tenants", Id, "active");

    public Task SuspendAsync(SeededUser user) => SetStatusAsync("users", user.Id, "suspended");

    private Task SetStatusAsync(string table, string id, string status) =>
        _database.ExecuteAsync($"UPDATE {table} SET status = @status WHERE id = @id; {Raise}", ("id", id), ("status", status));

    private static long Now() => (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}

/// <summary>A user whom <see cref="SeededTenant"/> made.</summary>
/// <param name="Id">usr_…</param>
/// <param name="KeyId">Of the key that <paramref name="Api"/> calls with.</param>
/// <param name="Api">Calls as this user.</param>
public sealed record SeededUser(string Id, string KeyId, ApiDriver Api) : IDisposable
{
    public async Task<bool> IsKnownAsync() => (int)(await Api.GetAsync("/v1/me")).Status == 200;

    public void Dispose() => Api.Dispose();
}
