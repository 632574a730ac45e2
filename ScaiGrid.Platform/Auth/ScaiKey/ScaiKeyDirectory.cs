using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>
/// Applies ScaiKey's events, from the webhook and from the sync. For each resource the newest event wins, in whatever order they arrive. A
/// status that is only repeated changes nothing: users whom an administrator suspended or deleted here stay so until ScaiKey reports another
/// status.
/// </summary>
internal sealed class ScaiKeyDirectory(UserDirectory directory, EventOutbox outbox, ScaiKeyOptions options)
{
    public const string NoTenant = "Its tenant is not known here.";
    public const string NoSuch = "What it is about is not known here.";

    /// <summary>The resource type under which the time of a membership is stored.</summary>
    public const string Membership = "membership";

    private const string NoPartner = "Its partner is not known here.";
    private static readonly HashSet<string> Types =
    [
        "partner.created", "partner.updated", "partner.deleted", "tenant.created", "tenant.updated", "tenant.deleted", "user.created",
        "user.updated", "user.deleted", "user.suspended", "user.activated", "group.created", "group.updated", "group.deleted",
        "group.member_added", "group.member_removed",
    ];

    public static bool Knows(string type) => Types.Contains(type);

    /// <summary>Applies one event in the caller's transaction. An event older than the known state is ignored, which counts as applied.</summary>
    /// <returns>Why the event cannot be applied; null if it was.</returns>
    public async Task<string?> ApplyAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        // A membership belongs to the pair of group and member, and so does its time.
        var membership = told.Noun == "group" ? ScaiKeyGroups.MembershipKey(told) : null;
        if (await NewsAsync(db, membership is null ? told.Noun : Membership, membership ?? told.ResourceId, told.At, cancellationToken) is not { } resource)
        {
            return null;
        }

        var reason = told.Noun switch
        {
            "partner" => await ApplyPartnerAsync(db, told, cancellationToken),
            "tenant" => await ApplyTenantAsync(db, told, resource, cancellationToken),
            "user" => await ApplyUserAsync(db, told, resource, cancellationToken),
            _ => await ScaiKeyGroups.ApplyAsync(db, directory, told, cancellationToken),
        };
        if (reason is null)
        {
            resource.IsActive = told.IsActive ?? resource.IsActive;
        }
        else
        {
            // An event without effect must not make the one that it waits for look old.
            var entry = db.Entry(resource);
            entry.CurrentValues.SetValues(entry.OriginalValues);
            entry.State = entry.State is EntityState.Added ? EntityState.Detached : EntityState.Unchanged;
        }

        return reason;
    }

    /// <returns>Null if the event is older than the known state.</returns>
    private static async Task<ScaiKeyResource?> NewsAsync(PlatformDb db, string type, string externalId, DateTimeOffset at, CancellationToken cancellationToken)
    {
        var known = await db.ScaiKeyResources.SingleOrDefaultAsync(row => row.Type == type && row.ExternalId == externalId, cancellationToken);
        if (known is null)
        {
            known = new ScaiKeyResource { Type = type, ExternalId = externalId, ToldAt = at };
            db.ScaiKeyResources.Add(known);
        }
        else if (known.ToldAt > at)
        {
            return null;
        }

        known.ToldAt = at;
        return known;
    }

    private async Task<string?> ApplyPartnerAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (told.Verb != "deleted")
        {
            await directory.PutPartnerAsync(db, new DirectoryPartner(told.ResourceId, told.Slug(), told.Name("display_name") ?? told.Slug()), cancellationToken);
            return null;
        }

        // A partner has no status: its tenants are suspended with it.
        foreach (var tenant in await db.Tenants
            .Where(tenant => db.Partners.Any(partner => partner.ExternalId == told.ResourceId && partner.Id == tenant.PartnerId)).ToListAsync(cancellationToken))
        {
            tenant.Status = TenantStatus.Suspended;
        }

        return null;
    }

    private async Task<string?> ApplyTenantAsync(PlatformDb db, ScaiKeyEvent told, ScaiKeyResource resource, CancellationToken cancellationToken)
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

        var isActive = IsActive(told, resource, known is null ? null : known.Status == TenantStatus.Active);
        var name = told.Name("display_name") ?? known?.DisplayName ?? told.Slug();
        var slug = await HasNewerHolderAsync(db, told, cancellationToken) ? null : told.ExternalSlug;
        await directory.PutTenantAsync(db, new DirectoryTenant(told.ResourceId, partnerId, known?.Slug ?? told.Slug(), name, isActive, slug), cancellationToken);
        return null;
    }

    /// <summary>Whether another tenant has the event's slug by a newer report: this one had it earlier.</summary>
    private static Task<bool> HasNewerHolderAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var (slug, at) = (told.ExternalSlug, told.At);
        return db.Tenants.AnyAsync(
            tenant => tenant.ExternalSlug == slug && slug != null && tenant.ExternalId != told.ResourceId
                && db.ScaiKeyResources.Any(row => row.Type == "tenant" && row.ExternalId == tenant.ExternalId && row.ToldAt > at),
            cancellationToken);
    }

    private async Task<string?> ApplyUserAsync(PlatformDb db, ScaiKeyEvent told, ScaiKeyResource resource, CancellationToken cancellationToken)
    {
        var known = await FindUserAsync(db, told, told.ResourceId, cancellationToken);
        var isClosed = known is null or { Status: UserStatus.Deleted };
        if (told.Verb == "deleted")
        {
            if (!isClosed)
            {
                await CloseAsync(db, known!, cancellationToken);
            }

            return null;
        }

        var isActive = IsActive(told, resource, known is null ? null : known.Status == UserStatus.Active);
        if (known is not null && isClosed && !isActive)
        {
            return null;
        }

        // A user who is deactivated keeps the stored address: a conflict with another user's must not keep the account active.
        var email = (isActive || known is null ? told.Email : null) ?? known?.Email;
        var tenantId = known?.TenantId ?? await TenantIdAsync(db, told, cancellationToken);
        if (tenantId is null || email is null || email.Length > Emails.MaxLength)
        {
            return tenantId is null ? NoTenant : NoSuch;
        }

        var before = isClosed ? default : (known!.Email, known.DisplayName, known.Status);
        var user = await directory.PutUserAsync(
            db,
            new DirectoryUser(tenantId, told.ResourceId, Emails.Normalize(email), told.Name("display_name") ?? known?.DisplayName ?? email[..Math.Min(email.Length, 200)], isActive),
            cancellationToken);
        if (isClosed && options.DefaultRole != "none")
        {
            db.UserRoles.Add(new UserRole { UserId = user.Id, Role = options.DefaultRole });
        }

        if (isClosed || before != (user.Email, user.DisplayName, user.Status))
        {
            await PublishAsync(db, isClosed ? EventTypes.ScaiKeyUserCreated : EventTypes.ScaiKeyUserUpdated, user, cancellationToken);
        }

        await CloseElsewhereAsync(db, user, cancellationToken);
        return null;
    }

    private async Task CloseAsync(PlatformDb db, User user, CancellationToken cancellationToken)
    {
        await directory.DeleteUserAsync(db, user, cancellationToken);
        await PublishAsync(db, EventTypes.ScaiKeyUserUpdated, user, cancellationToken);
    }

    private async Task PublishAsync(PlatformDb db, string type, User user, CancellationToken cancellationToken)
    {
        var partnerId = await db.Tenants.Where(tenant => tenant.Id == user.TenantId).Select(tenant => tenant.PartnerId).SingleAsync(cancellationToken);
        outbox.Add(db, new GridEvent(type, "scaikey", user.TenantId, partnerId, new JsonObject
        {
            ["user_id"] = user.Id,
            ["external_id"] = user.ExternalId,
            ["email"] = user.Email,
            ["display_name"] = user.DisplayName,
            ["status"] = user.Status,
        }));
    }

    /// <summary>A user belongs to one tenant: after a move to another tenant in ScaiKey, the account in the old one is closed.</summary>
    private async Task CloseElsewhereAsync(PlatformDb db, User user, CancellationToken cancellationToken)
    {
        foreach (var old in await db.Users
            .Where(other => other.ExternalId == user.ExternalId && other.TenantId != user.TenantId && other.Status != UserStatus.Deleted
                && db.Tenants.Any(tenant => tenant.Id == other.TenantId && tenant.ExternalId != null))
            .ToListAsync(cancellationToken))
        {
            await CloseAsync(db, old, cancellationToken);
        }
    }

    /// <summary>Until ScaiKey reports another status, a resource is assumed to be active there: its first report does not undo what was done here.</summary>
    /// <param name="told">The event.</param>
    /// <param name="resource">The state from earlier events.</param>
    /// <param name="isActive">The user's status here; null if the user does not exist.</param>
    private static bool IsActive(ScaiKeyEvent told, ScaiKeyResource resource, bool? isActive) =>
        isActive is null ? told.IsActive ?? resource.IsActive ?? true
        : told.Verb is "suspended" or "activated" || (told.IsActive is not null && told.IsActive != (resource.IsActive ?? true)) ? told.IsActive!.Value
        : isActive.Value;

    /// <summary>
    /// Finds the user, who may be deleted. If the event names no tenant, the id must be unique. A person without an account in the named tenant is
    /// the user whom administrators tied to the id in a tenant of their own. But such a tie must not keep a tenant that is known here from getting
    /// its user, so there only events that create nobody look for it.
    /// </summary>
    internal static async Task<User?> FindUserAsync(PlatformDb db, ScaiKeyEvent told, string externalId, CancellationToken cancellationToken)
    {
        var users = db.Users.Where(user => user.ExternalId == externalId);
        var named = told.TenantId is null
            ? users
            : users.Where(user => db.Tenants.Any(tenant => tenant.Id == user.TenantId && tenant.ExternalId == told.TenantId));
        var found = await named.ToListAsync(cancellationToken);
        if (found.Count == 0 && told.TenantId is not null
            && (told.IsActive is false || told.Verb == "activated" || await TenantIdAsync(db, told, cancellationToken) is null))
        {
            found = await users.Where(user => db.Tenants.Any(tenant => tenant.Id == user.TenantId && tenant.ExternalId == null)).ToListAsync(cancellationToken);
        }

        var open = found.FindAll(user => user.Status != UserStatus.Deleted);
        return (open.Count > 0 ? open : found) is [var one] ? one : null;
    }

    /// <summary>Whether ScaiKey's latest word about a user is that they are suspended or deleted.</summary>
    internal static Task<bool> ShutsOutAsync(PlatformDb db, string? externalId, CancellationToken cancellationToken) => db.ScaiKeyResources.AnyAsync(
        row => row.Type == "user" && row.ExternalId == externalId && row.IsActive == false, cancellationToken);

    internal static Task<string?> TenantIdAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken) =>
        db.Tenants.Where(tenant => tenant.ExternalId == told.TenantId && told.TenantId != null).Select(tenant => tenant.Id).SingleOrDefaultAsync(cancellationToken)!;
}
