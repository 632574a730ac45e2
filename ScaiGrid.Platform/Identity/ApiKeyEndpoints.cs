using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>API keys: one's own, and with <c>users:manage</c> all of the tenant. Revoked ones are not shown.</summary>
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
            .WithName("RevokeApiKey").WithSummary("Ends a key at once.");
    }

    private static async Task<Ok<PageEnvelope<ApiKeyView>>> List(
        [AsParameters] PageQuery page, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var (limit, after) = (page.Take(), page.After(Ids.ApiKey));
        var keys = await Manageable(db, caller).AsNoTracking()
            .Where(key => after == null || string.Compare(key.Id, after) < 0)
            .OrderByDescending(key => key.Id)
            .Take(limit + 1)
            .Select(key => new ApiKeyView(key.Id, key.Name, key.Prefix, key.UserId, key.ExpiresAt, key.CreatedAt))
            .ToListAsync(cancellationToken);
        return keys.ToPage(limit, key => key.Id);
    }

    private static async Task<Results<Created<Envelope<NewApiKey>>, ProblemResult>> Create(
        CreateApiKey body, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
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

        if (await PermissionsOfAsync(userId, caller.TenantId, db, cancellationToken) is not { } scopes)
        {
            throw new ApiException(Problem.Invalid("assigned_user_id", "is not an active user of the tenant."));
        }

        // A key is the user's power in somebody's hands: nobody may hand out what they do not hold.
        if (!scopes.IsSubsetOf(caller.Permissions))
        {
            return Reply.Problem(CoreErrors.PermissionDenied, "The user holds permissions that you do not hold.");
        }

        var key = CallerResolver.KeyPrefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        var row = new ApiKey
        {
            Id = Ids.New(Ids.ApiKey, time),
            TenantId = caller.TenantId,
            UserId = userId,
            Name = name,
            Hash = ApiKey.HashOf(key),
            Prefix = CallerResolver.KeyPrefix,
            ExpiresAt = expiresAt,
            CreatedAt = time.GetStoredNow(),
            CreatedBy = caller.UserId,
        };
        db.ApiKeys.Add(row);
        await db.SaveChangesAsync(cancellationToken);
        return Reply.Created(
            $"/v1/api-keys/{row.Id}",
            new NewApiKey(row.Id, row.Name, key, row.Prefix, [.. scopes.Order(StringComparer.Ordinal)], row.UserId, row.ExpiresAt, row.CreatedAt));
    }

    private static async Task<Results<NoContent, ProblemResult>> Revoke(
        string id, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await Manageable(db, caller).SingleOrDefaultAsync(key => key.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        row.RevokedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static IQueryable<ApiKey> Manageable(PlatformDb db, Caller caller)
    {
        var keys = db.ApiKeys.Where(key => key.TenantId == caller.TenantId && key.RevokedAt == null);
        return caller.Has(Permissions.ManageUsers) ? keys : keys.Where(key => key.UserId == caller.UserId);
    }

    /// <returns>Null when the tenant has no such active user.</returns>
    private static async Task<FrozenSet<string>?> PermissionsOfAsync(string userId, string tenantId, PlatformDb db, CancellationToken cancellationToken)
    {
        var isKnown = await db.Users.AnyAsync(
            user => user.Id == userId && user.TenantId == tenantId && user.Status == UserStatus.Active, cancellationToken);
        return isKnown
            ? Roles.PermissionsOf(await db.UserRoles.Where(role => role.UserId == userId).Select(role => role.Role).ToListAsync(cancellationToken))
            : null;
    }
}

/// <param name="Name">For people.</param>
/// <param name="ExpiresAt">When the key ends; never when left out.</param>
/// <param name="AssignedUserId">Whose key it is: the caller's when left out.</param>
public sealed record CreateApiKey(string? Name, string? ExpiresAt = null, string? AssignedUserId = null);

/// <param name="Id">apikey_…</param>
/// <param name="Name">For people.</param>
/// <param name="Key">The key itself, here and never again.</param>
/// <param name="Prefix">What all keys begin with.</param>
/// <param name="Scopes">What the key may do: all that its user may, at the time of each call.</param>
/// <param name="AssignedUserId">Whose key it is.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record NewApiKey(
    string Id, string Name, string Key, string Prefix, IReadOnlyList<string> Scopes, string AssignedUserId, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt);

internal sealed record ApiKeyView(string Id, string Name, string Prefix, string AssignedUserId, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt);
