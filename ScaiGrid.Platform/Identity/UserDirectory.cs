using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Rooms;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Applies what an identity provider reports about partners, tenants, users and groups. Idempotent. Each method saves; call them inside a
/// transaction (<see cref="UnitOfWork"/>) that contains everything of one message. <see cref="Memberships"/> has the members of groups.
/// </summary>
/// <remarks>
/// Rows are found by external id only. A local user with the same e-mail address is a different user: an identity provider must not be able to
/// become a local super admin by choosing an address. Administrators link the two by setting the user's external id.
/// </remarks>
internal sealed class UserDirectory(TimeProvider time)
{
    public async Task<Partner> PutPartnerAsync(PlatformDb db, DirectoryPartner told, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var partner = await db.Partners.SingleOrDefaultAsync(row => row.ExternalId == told.ExternalId, cancellationToken);
        if (partner is null)
        {
            var id = Ids.New(Ids.Partner, time);
            var isFree = !await db.Partners.AnyAsync(row => row.Slug == told.Slug, cancellationToken);
            partner = new Partner
            {
                Id = id,
                ExternalId = told.ExternalId,
                Slug = isFree ? told.Slug : Distinct(told.Slug, id),
                DisplayName = told.DisplayName,
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Partners.Add(partner);
        }

        partner.DisplayName = told.DisplayName;
        await SaveAsync(db, partner, () => partner.UpdatedAt = now, cancellationToken);
        return partner;
    }

    /// <remarks>
    /// A tenant stays with its partner and keeps its first slug here, because callers' model names contain it. The identity provider's slug may
    /// change: a tenant that still has the reported one has another by now.
    /// </remarks>
    public async Task<Tenant> PutTenantAsync(PlatformDb db, DirectoryTenant told, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var tenant = await db.Tenants.SingleOrDefaultAsync(row => row.ExternalId == told.ExternalId, cancellationToken);
        if (tenant is null)
        {
            var id = Ids.New(Ids.Tenant, time);
            var isFree = !await db.Tenants.AnyAsync(row => row.Slug == told.Slug, cancellationToken);
            tenant = new Tenant
            {
                Id = id,
                ExternalId = told.ExternalId,
                PartnerId = told.PartnerId,
                Slug = isFree ? told.Slug : Distinct(told.Slug, id),
                DisplayName = told.DisplayName,
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Tenants.Add(tenant);
        }

        if (told.ExternalSlug is not null && tenant.ExternalSlug != told.ExternalSlug)
        {
            // Stored first: two rows must not have the same slug in between.
            if (await db.Tenants.SingleOrDefaultAsync(row => row.ExternalSlug == told.ExternalSlug, cancellationToken) is { } other)
            {
                other.ExternalSlug = null;
                await SaveAsync(db, other, () => other.UpdatedAt = now, cancellationToken);
            }

            tenant.ExternalSlug = told.ExternalSlug;
        }

        tenant.DisplayName = told.DisplayName;
        tenant.Status = told.IsActive ? TenantStatus.Active : TenantStatus.Suspended;
        await SaveAsync(db, tenant, () => tenant.UpdatedAt = now, cancellationToken);
        return tenant;
    }

    /// <summary>Adds or changes a user. A deleted user is restored, without earlier keys, roles and memberships.</summary>
    /// <exception cref="ApiException">Another user of the tenant has the email (<see cref="IdentityErrors.EmailTaken"/>).</exception>
    public async Task<User> PutUserAsync(PlatformDb db, DirectoryUser told, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var email = told.Email.ToLowerInvariant();
        var user = await db.Users.SingleOrDefaultAsync(row => row.TenantId == told.TenantId && row.ExternalId == told.ExternalId, cancellationToken);
        if (user is null)
        {
            user = new User
            {
                Id = Ids.New(Ids.User, time),
                TenantId = told.TenantId,
                ExternalId = told.ExternalId,
                Email = email,
                DisplayName = told.DisplayName,
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Users.Add(user);
        }
        else if (user.Status == UserStatus.Deleted)
        {
            // What was given while the user was being deleted would be valid again.
            await DeleteUserAsync(db, user, cancellationToken);
            db.RemoveRange(await db.RoomMembers.Where(member => member.Type == RoomMemberType.User && member.Member == user.Id).ToListAsync(cancellationToken));
        }

        (user.Email, user.DisplayName, user.DeletedAt) = (email, told.DisplayName, User.NotDeleted);
        user.Status = told.IsActive ? UserStatus.Active : UserStatus.Suspended;
        await SaveAsync(db, user, () => user.UpdatedAt = now, cancellationToken);
        return user;
    }

    /// <summary>Ends a user's access for good: ends sessions, revokes keys, and removes roles and memberships. Does not save.</summary>
    public async Task DeleteUserAsync(PlatformDb db, User user, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        (user.Status, user.DeletedAt, user.UpdatedAt) = (UserStatus.Deleted, now, now);
        foreach (var key in await db.ApiKeys.Where(key => key.UserId == user.Id && key.RevokedAt == null).ToListAsync(cancellationToken))
        {
            key.RevokedAt = now;
        }

        foreach (var session in await db.Sessions.Where(session => session.UserId == user.Id && session.EndedAt == null).ToListAsync(cancellationToken))
        {
            (session.EndedAt, session.EndReason) = (now, SessionEnd.UserClosed);
        }

        db.RemoveRange(await db.UserRoles.Where(role => role.UserId == user.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.UserCustomRoles.Where(role => role.UserId == user.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.UserModulePermissions.Where(grant => grant.UserId == user.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.GroupMembers.Where(member => member.UserId == user.Id).ToListAsync(cancellationToken));
    }

    public async Task<Group> PutGroupAsync(PlatformDb db, DirectoryGroup told, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var group = await db.Groups.SingleOrDefaultAsync(row => row.TenantId == told.TenantId && row.ExternalId == told.ExternalId, cancellationToken);
        if (group is null)
        {
            group = new Group
            {
                Id = Ids.New(Ids.Group, time),
                TenantId = told.TenantId,
                ExternalId = told.ExternalId,
                Name = told.Name,
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Groups.Add(group);
        }

        group.Name = told.Name;
        await SaveAsync(db, group, () => group.UpdatedAt = now, cancellationToken);
        return group;
    }

    private static async Task SaveAsync<T>(PlatformDb db, T row, Action touch, CancellationToken cancellationToken)
        where T : class
    {
        if (db.Entry(row).State is not EntityState.Unchanged)
        {
            touch();
            await db.SaveOrThrowAsync(cancellationToken, duplicate: IdentityErrors.EmailTaken);
        }
    }

    // The last characters of a ULID are random.
    private static string Distinct(string slug, string id) => $"{slug}-{id[^6..].ToLowerInvariant()}";
}

/// <param name="ExternalId">The identity provider's id.</param>
/// <param name="Slug">The preferred slug, a part of names.</param>
/// <param name="DisplayName">The name shown to people.</param>
internal sealed record DirectoryPartner(string ExternalId, string Slug, string DisplayName);

/// <param name="ExternalId">The identity provider's id.</param>
/// <param name="PartnerId">The id of our partner.</param>
/// <param name="Slug">The preferred slug, a part of names.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="IsActive">If false, the tenant is suspended; also for one that was deleted there, whose usage we still have to account for.</param>
/// <param name="ExternalSlug">The identity provider's slug; null if it does not say.</param>
internal sealed record DirectoryTenant(
    string ExternalId, string PartnerId, string Slug, string DisplayName, bool IsActive = true, string? ExternalSlug = null);

/// <param name="TenantId">The id of our tenant.</param>
/// <param name="ExternalId">The identity provider's id (<c>sub</c>).</param>
/// <param name="Email">In any case.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="IsActive">If false, the user is suspended.</param>
internal sealed record DirectoryUser(string TenantId, string ExternalId, string Email, string DisplayName, bool IsActive = true);

/// <param name="TenantId">The id of our tenant.</param>
/// <param name="ExternalId">The identity provider's id.</param>
/// <param name="Name">The name shown to people.</param>
internal sealed record DirectoryGroup(string TenantId, string ExternalId, string Name);
