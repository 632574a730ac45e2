using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>
/// What ScaiKey's events do here. Both the webhook and the sync come through it, and for each resource the newer word counts, however
/// late the older one arrives.
/// </summary>
internal sealed class ScaiKeyDirectory(UserDirectory directory, ScaiKeyOptions options)
{
    private const string NoTenant = "Its tenant is not known here.";
    private const string NoPartner = "Its partner is not known here.";
    private const string NoSuch = "What it is about is not known here.";

    private static readonly HashSet<string> Types =
    [
        "partner.created", "partner.updated", "partner.deleted", "tenant.created", "tenant.updated", "tenant.deleted", "user.created",
        "user.updated", "user.deleted", "user.suspended", "user.activated", "group.created", "group.updated", "group.deleted",
        "group.member_added", "group.member_removed",
    ];

    public static bool Knows(string type) => Types.Contains(type);

    /// <summary>Applies one event, inside a transaction of the caller's. One that is older than what is known has no effect, and that is right.</summary>
    /// <returns>Why it cannot be applied; null when it is.</returns>
    public async Task<string?> ApplyAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        // Who is in a group is a fact of the pair, and so is its age.
        var isMembership = told.Verb is "member_added" or "member_removed";
        if (!await IsNewsAsync(db, isMembership ? "membership" : told.Noun, isMembership ? MembershipKey(told) : told.ResourceId, told.At, cancellationToken))
        {
            return null;
        }

        return told.Noun switch
        {
            "partner" => await ApplyPartnerAsync(db, told, cancellationToken),
            "tenant" => await ApplyTenantAsync(db, told, cancellationToken),
            "user" => await ApplyUserAsync(db, told, cancellationToken),
            _ => await ApplyGroupAsync(db, told, cancellationToken),
        };
    }

    private static string MembershipKey(ScaiKeyEvent told)
    {
        var key = $"{told.ResourceId}/{told.Text("user_id")}";
        return key.Length <= ExternalIds.MaxLength ? key : ApiKey.HashOf(key);
    }

    private static async Task<bool> IsNewsAsync(PlatformDb db, string type, string externalId, DateTimeOffset at, CancellationToken cancellationToken)
    {
        var known = await db.ScaiKeyResources.SingleOrDefaultAsync(row => row.Type == type && row.ExternalId == externalId, cancellationToken);
        if (known is null)
        {
            db.ScaiKeyResources.Add(new ScaiKeyResource { Type = type, ExternalId = externalId, ToldAt = at });
            return true;
        }

        if (known.ToldAt > at)
        {
            return false;
        }

        known.ToldAt = at;
        return true;
    }

    private async Task<string?> ApplyPartnerAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (told.Verb != "deleted")
        {
            await directory.PutPartnerAsync(db, new DirectoryPartner(told.ResourceId, told.Slug(), told.Name("display_name") ?? told.Slug()), cancellationToken);
            return null;
        }

        // A partner has no state of its own: with it, its tenants end.
        foreach (var tenant in await db.Tenants
            .Where(tenant => db.Partners.Any(partner => partner.ExternalId == told.ResourceId && partner.Id == tenant.PartnerId)).ToListAsync(cancellationToken))
        {
            tenant.Status = TenantStatus.Suspended;
        }

        return null;
    }

    private async Task<string?> ApplyTenantAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var known = await db.Tenants.AsNoTracking().SingleOrDefaultAsync(tenant => tenant.ExternalId == told.ResourceId, cancellationToken);
        if (known is null && told.Verb == "deleted")
        {
            return null;
        }

        var partnerId = known?.PartnerId ?? await db.Partners.Where(partner => partner.ExternalId == told.PartnerId && told.PartnerId != null)
            .Select(partner => partner.Id).SingleOrDefaultAsync(cancellationToken);
        if (partnerId is null)
        {
            return NoPartner;
        }

        var isActive = told.Verb != "deleted" && (told.IsActive ?? known is not { Status: TenantStatus.Suspended });
        var name = told.Name("display_name") ?? known?.DisplayName ?? told.Slug();
        await directory.PutTenantAsync(db, new DirectoryTenant(told.ResourceId, partnerId, known?.Slug ?? told.Slug(), name, isActive), cancellationToken);
        return null;
    }

    private async Task<string?> ApplyUserAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var known = await FindUserAsync(db, told, told.ResourceId, cancellationToken);
        if (told.Verb == "deleted")
        {
            if (known is { Status: not UserStatus.Deleted })
            {
                await directory.DeleteUserAsync(db, known, cancellationToken);
            }

            return null;
        }

        var email = told.Text("email") ?? known?.Email;
        var tenantId = known?.TenantId ?? await TenantIdAsync(db, told, cancellationToken);
        if (tenantId is null || email is null || email.Length > Emails.MaxLength)
        {
            return tenantId is null ? NoTenant : NoSuch;
        }

        var isActive = told.Verb switch
        {
            "suspended" => false,
            "activated" => true,
            _ => told.IsActive ?? known is not { Status: UserStatus.Suspended },
        };

        // Before they are changed, for it is the same row.
        var isNew = known is null or { Status: UserStatus.Deleted };
        var user = await directory.PutUserAsync(
            db,
            new DirectoryUser(tenantId, told.ResourceId, Emails.Normalize(email), told.Name("display_name") ?? known?.DisplayName ?? email[..Math.Min(email.Length, 200)], isActive),
            cancellationToken);
        if (isNew && options.DefaultRole != "none")
        {
            db.UserRoles.Add(new UserRole { UserId = user.Id, Role = options.DefaultRole });
        }

        return null;
    }

    private async Task<string?> ApplyGroupAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var groups = db.Groups.Where(group => group.ExternalId == told.ResourceId);
        if (told.TenantId is not null)
        {
            groups = groups.Where(group => db.Tenants.Any(tenant => tenant.Id == group.TenantId && tenant.ExternalId == told.TenantId));
        }

        var known = await groups.OrderBy(group => group.Id).FirstOrDefaultAsync(cancellationToken);
        switch (told.Verb)
        {
            case "deleted":
                if (known is not null)
                {
                    await Memberships.DeleteGroupAsync(db, known, cancellationToken);
                }

                return null;
            case "member_added" or "member_removed":
                var user = told.Text("user_id") is { } userId ? await FindUserAsync(db, told, userId, cancellationToken) : null;
                if (known is null || user is null || user.TenantId != known.TenantId)
                {
                    return NoSuch;
                }

                await (told.Verb == "member_added"
                    ? Memberships.AddMemberAsync(db, known, user, cancellationToken)
                    : Memberships.RemoveMemberAsync(db, known, user, cancellationToken));
                return null;
            default:
                if ((known?.TenantId ?? await TenantIdAsync(db, told, cancellationToken)) is not { } tenantId)
                {
                    return NoTenant;
                }

                await directory.PutGroupAsync(db, new DirectoryGroup(tenantId, told.ResourceId, told.Name("name") ?? known?.Name ?? told.ResourceId), cancellationToken);
                return null;
        }
    }

    /// <summary>Where the event names no tenant, the user must be the only one of that id.</summary>
    private static async Task<User?> FindUserAsync(PlatformDb db, ScaiKeyEvent told, string externalId, CancellationToken cancellationToken)
    {
        var users = db.Users.Where(user => user.ExternalId == externalId);
        if (told.TenantId is not null)
        {
            users = users.Where(user => db.Tenants.Any(tenant => tenant.Id == user.TenantId && tenant.ExternalId == told.TenantId));
        }

        var found = await users.Take(2).ToListAsync(cancellationToken);
        return found.Count == 1 ? found[0] : null;
    }

    private static Task<string?> TenantIdAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken) =>
        db.Tenants.Where(tenant => tenant.ExternalId == told.TenantId && told.TenantId != null).Select(tenant => tenant.Id).SingleOrDefaultAsync(cancellationToken)!;
}
