using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Batch;

/// <summary>Finds who a batch calls for, as they are now: a revoked key or a suspended user makes no more calls.</summary>
internal sealed class BatchCallers(SnapshotStore snapshots, IDbContextFactory<PlatformDb> databases)
{
    public bool IsReady => snapshots.Current.Revision >= 0;

    public async Task<Caller?> FindAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        if (batch.ApiKeyId is not null)
        {
            return snapshots.Current.Keys.Values.FirstOrDefault(caller => caller.ApiKeyId == batch.ApiKeyId);
        }

        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var found = await (
            from user in db.Users
            join tenant in db.Tenants on user.TenantId equals tenant.Id
            join partner in db.Partners on tenant.PartnerId equals partner.Id
            where user.Id == batch.UserId && user.Status == UserStatus.Active && tenant.Status == Tenancy.TenantStatus.Active
            select new { user, tenant, partner }).AsNoTracking().SingleOrDefaultAsync(cancellationToken);
        if (found is null)
        {
            return null;
        }

        var roles = await db.UserRoles.Where(role => role.UserId == batch.UserId).Select(role => role.Role).ToListAsync(cancellationToken);
        return new Caller
        {
            UserId = found.user.Id,
            Email = found.user.Email,
            DisplayName = found.user.DisplayName,
            TenantId = found.tenant.Id,
            TenantSlug = found.tenant.Slug,
            PartnerId = found.partner.Id,
            PartnerSlug = found.partner.Slug,
            Roles = [.. roles],
            Permissions = Roles.PermissionsOf(roles),
        };
    }
}
