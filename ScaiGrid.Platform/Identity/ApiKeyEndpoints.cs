using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>API keys: the caller's own, and with <c>users:manage</c> those of the tenant. Revoked keys are not shown.</summary>
internal static class ApiKeyEndpoints
{
    private const int NameLength = 200;
    private const int SecretBytes = 32;

    public static void MapApiKeys(this IEndpointRouteBuilder group)
    {
        group.MapGet("/api-keys", List).RequirePermission(Permissions.ManageApiKeys)
            .WithName("ListApiKeys").WithSummary("The caller's live keys, or with users:manage the tenant's; newest first.");
        group.MapPost("/api-keys", Create).RequirePermission(Permissions.ManageApiKeys).Audited("api_key.create", "api_key")
            .WithName("CreateApiKey").WithSummary("Makes a key; the answer is the only place where it shows.");
        group.MapDelete("/api-keys/{id}", Revoke).RequirePermission(Permissions.ManageApiKeys).Audited("api_key.revoke", "api_key")
            .WithName("RevokeApiKey").WithSummary("Ends a key at once, and the calls that use it.");
    }

    private static async Task<Ok<PageEnvelope<ApiKeyView>>> List(
        [AsParameters] PageQuery query, [FromQuery(Name = "tenant_id")] string? tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var ofTenant = tenantId is null || tenantId == caller.TenantId
            ? caller.TenantId
            : (await db.TenantAsync(tenantId, caller, Permissions.ManageUsers, cancellationToken)).Id;

        // All keys of the tenant, or the caller's own, as in Manageable; but a list of one tenant can use its index.
        var ofAll = caller.Has(Permissions.ManageUsers);
        var page = await db.ByIndex<ApiKey>(ofAll ? "ix_api_keys_tenant" : "ix_api_keys_user").AsNoTracking()
            .Where(key => key.RevokedAt == null && key.TenantId == ofTenant && (ofAll || key.UserId == caller.UserId))
            .NewestAsync(query, Ids.ApiKey, key => key.Id, cancellationToken);
        return page.As(ApiKeyView.Of);
    }

    private static async Task<Results<Created<Envelope<NewApiKey>>, ProblemResult>> Create(
        CreateApiKey body,
        Caller caller,
        PlatformDb db,
        IDbContextFactory<PlatformDb> databases,
        IdentityOptions options,
        PermissionCatalogue catalogue,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var name = checks.Required("name", body.Name, NameLength);
        var expiresAt = checks.Time("expires_at", body.ExpiresAt);
        if (expiresAt <= time.GetUtcNow())
        {
            checks.Add("expires_at", "must be in the future.");
        }

        checks.ThrowIfAny();
        var userId = body.AssignedUserId ?? caller.UserId;
        if (userId != caller.UserId && !caller.Has(Permissions.ManageUsers))
        {
            return Reply.Problem(CoreErrors.PermissionDenied, "Keys for other users need users:manage.");
        }

        if (await UserAsync(userId, caller, db, cancellationToken) is not { } user)
        {
            throw new ApiException(Problem.Invalid("assigned_user_id", "is not an active user of the tenant."));
        }

        var grants = await Grants.OfAsync(db, user, catalogue, cancellationToken);
        var scopes = checks.Permissions("scopes", body.Scopes, grants.Permissions, "is not a permission that the user holds.");
        checks.ThrowIfAny();

        // A key gives its user's permissions to its holder: callers must have all permissions that they give. Their own may be given in part.
        var isCovered = userId == caller.UserId
            ? (scopes ?? [.. grants.Permissions]).All(caller.Has)
            : caller.Covers(grants, await db.TenantOfAsync(user.TenantId, cancellationToken));
        if (!isCovered)
        {
            return Reply.Problem(IdentityErrors.HoldsMore);
        }

        // A restricted key must not make one that has what its user is given later.
        scopes ??= caller.IsScoped ? [.. grants.Permissions.Order(StringComparer.Ordinal)] : null;
        var key = CallerResolver.KeyPrefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        var row = new ApiKey
        {
            Id = Ids.New(Ids.ApiKey, time),
            TenantId = user.TenantId,
            UserId = userId,
            Name = name,
            Hash = ApiKey.HashOf(key),
            Prefix = CallerResolver.KeyPrefix,
            Scopes = scopes is null ? null : JsonSerializer.Serialize(scopes),
            ExpiresAt = expiresAt,
            CreatedAt = time.GetStoredNow(),
            CreatedBy = caller.UserId,
        };
        await databases.TransactAsync(
            async (work, token) =>
            {
                await work.ThrowIfFullAsync(row.UserId, Live(work, row.UserId, row.CreatedAt), options.ApiKeysPerUser, IdentityErrors.TooManyKeys, token);
                work.ApiKeys.Add(row);
            },
            cancellationToken);
        return Reply.Created($"/v1/api-keys/{row.Id}", new NewApiKey(
            row.Id,
            row.Name,
            key,
            row.Prefix,
            scopes ?? [.. grants.Permissions.Order(StringComparer.Ordinal)],
            row.UserId,
            row.ExpiresAt,
            row.CreatedAt));
    }

    private static async Task<NoContent> Revoke(
        string id, Caller caller, IDbContextFactory<PlatformDb> databases, PermissionCatalogue catalogue, TimeProvider time, CancellationToken cancellationToken)
    {
        await databases.TransactAsync((db, token) => RevokeAsync(db, id, caller, catalogue, time.GetStoredNow(), token), cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task RevokeAsync(
        PlatformDb db, string id, Caller caller, PermissionCatalogue catalogue, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Two last keys that revoke themselves at once would each count on the other.
        await db.TakeLockAsync($"api_keys/{caller.UserId}", cancellationToken);
        var row = await Manageable(db, caller).SingleOrDefaultAsync(key => key.Id == id, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        if (caller.IsSuperAdmin && row.Id == caller.ApiKeyId && !await Live(db, row.UserId, now).AnyAsync(key => key.Id != id && key.Scopes == null, cancellationToken))
        {
            throw new ApiException(IdentityErrors.LastKey);
        }

        if (row.UserId != caller.UserId)
        {
            await db.CoveredUserAsync(row.UserId, caller, catalogue, cancellationToken);
        }

        row.RevokedAt = now;
    }

    private static IQueryable<ApiKey> Live(PlatformDb db, string userId, DateTimeOffset now) =>
        db.ApiKeys.Where(key => key.UserId == userId && key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now));

    private static IQueryable<ApiKey> Manageable(PlatformDb db, Caller caller)
    {
        var keys = db.ApiKeys.Where(key => key.RevokedAt == null);
        var tenants = db.Tenants.Within(caller, Permissions.ManageUsers);
        return caller.Has(Permissions.ManageUsers)
            ? keys.Where(key => tenants.Any(tenant => tenant.Id == key.TenantId))
            : keys.Where(key => key.TenantId == caller.TenantId && key.UserId == caller.UserId);
    }

    /// <summary>Finds an active user: the caller, or one whom the caller manages.</summary>
    private static Task<User?> UserAsync(string userId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var users = userId == caller.UserId ? db.Users.Where(user => user.TenantId == caller.TenantId) : db.Users.ManagedBy(db, caller);
        return users.AsNoTracking().SingleOrDefaultAsync(user => user.Id == userId && user.Status == UserStatus.Active, cancellationToken);
    }
}

/// <param name="Name">The name shown to people.</param>
/// <param name="ExpiresAt">When the key expires; never if omitted.</param>
/// <param name="AssignedUserId">The key's user; the caller if omitted.</param>
/// <param name="Scopes">Restricts the key to these of the user's permissions. If omitted, it has all permissions that the user has at the time of a
/// call; a key made with a restricted key has only those that the user has now.</param>
public sealed record CreateApiKey(string? Name, string? ExpiresAt = null, string? AssignedUserId = null, string?[]? Scopes = null);

/// <param name="Id">apikey_…</param>
/// <param name="Name">The name shown to people.</param>
/// <param name="Key">The key itself, returned only here.</param>
/// <param name="Prefix">The prefix of all keys.</param>
/// <param name="Scopes">The key's permissions now. It never has more than its user has at the time of a call.</param>
/// <param name="AssignedUserId">The key's user.</param>
/// <param name="ExpiresAt">When it expires; null for never.</param>
/// <param name="CreatedAt">When it was created.</param>
internal sealed record NewApiKey(
    string Id, string Name, string Key, string Prefix, IReadOnlyList<string> Scopes, string AssignedUserId, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt);

/// <param name="Id">apikey_…</param>
/// <param name="Name">The name shown to people.</param>
/// <param name="Prefix">The prefix of all keys.</param>
/// <param name="Scopes">The user's permissions to which the key is restricted; null for all of them.</param>
/// <param name="AssignedUserId">The key's user.</param>
/// <param name="ExpiresAt">When it expires; null for never.</param>
/// <param name="LastUsedAt">The time of its last call, with a delay of some seconds; null for never.</param>
/// <param name="CreatedAt">When it was created.</param>
internal sealed record ApiKeyView(
    string Id,
    string Name,
    string Prefix,
    IReadOnlyList<string>? Scopes,
    string AssignedUserId,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsedAt,
    DateTimeOffset CreatedAt)
{
    public static ApiKeyView Of(ApiKey row) => new(
        row.Id,
        row.Name,
        row.Prefix,
        row.Scopes is null ? null : JsonSerializer.Deserialize<string[]>(row.Scopes),
        row.UserId,
        row.ExpiresAt,
        row.LastUsedAt,
        row.CreatedAt);
}
