using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>The rows that a snapshot is made of, all of one moment. What cannot call (revoked, expired, suspended) is left in the database.</summary>
internal sealed record SnapshotRows(
    long Revision,
    List<Partner> Partners,
    List<Tenant> Tenants,
    List<User> Users,
    ILookup<string, string> Roles,
    List<ApiKey> Keys,
    List<Provider> Providers,
    List<Backend> Backends,
    List<Model> Models,
    ILookup<string, RoutingTarget> Targets)
{
    public static Task<SnapshotRows> ReadAsync(IDbContextFactory<PlatformDb> databases, DateTimeOffset now, CancellationToken cancellationToken) =>
        databases.ReadConsistentlyAsync((db, token) => ReadAsync(db, now, token), cancellationToken);

    private static async Task<SnapshotRows> ReadAsync(PlatformDb db, DateTimeOffset now, CancellationToken cancellationToken) => new(
        await db.SnapshotRevisions.Select(row => row.Revision).SingleAsync(cancellationToken),
        await db.Partners.AsNoTracking().ToListAsync(cancellationToken),
        await db.Tenants.AsNoTracking().Where(tenant => tenant.Status == TenantStatus.Active).ToListAsync(cancellationToken),
        await db.Users.AsNoTracking().Where(user => user.Status == UserStatus.Active).ToListAsync(cancellationToken),
        (await db.UserRoles.AsNoTracking().ToListAsync(cancellationToken)).ToLookup(role => role.UserId, role => role.Role),
        await db.ApiKeys.AsNoTracking()
            .Where(key => key.RevokedAt == null && (key.ExpiresAt == null || key.ExpiresAt > now))
            .ToListAsync(cancellationToken),
        await db.Providers.AsNoTracking().ToListAsync(cancellationToken),
        await db.Backends.AsNoTracking().ToListAsync(cancellationToken),
        await db.Models.AsNoTracking().ToListAsync(cancellationToken),
        (await db.RoutingTargets.AsNoTracking().ToListAsync(cancellationToken)).ToLookup(target => target.ModelId));
}
