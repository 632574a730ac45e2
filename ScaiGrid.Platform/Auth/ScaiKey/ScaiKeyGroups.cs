using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Applies ScaiKey's events to groups. A group's members are users and groups; members of a nested group belong to it as well.</summary>
internal static class ScaiKeyGroups
{
    /// <summary>The key of a membership's pair of group and member; null for an event of the group itself.</summary>
    public static string? MembershipKey(ScaiKeyEvent told)
    {
        if (told.Verb is not ("member_added" or "member_removed"))
        {
            return null;
        }

        var key = told.Text("user_id") is { } user ? $"{told.ResourceId}/{user}" : $"{told.ResourceId}//{told.Text("group_id")}";
        return key.Length <= ExternalIds.MaxLength ? key : ApiKey.HashOf(key);
    }

    /// <returns>Why the event cannot be applied; null if it was.</returns>
    public static async Task<string?> ApplyAsync(PlatformDb db, UserDirectory directory, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var known = await FindAsync(db, told, told.ResourceId, cancellationToken);
        switch (told.Verb)
        {
            case "deleted":
                if (known is not null)
                {
                    await Memberships.DeleteGroupAsync(db, known, cancellationToken);
                }

                return null;
            case "member_removed" when known is null:
                return null;
            case "member_added" or "member_removed":
                return known is null ? ScaiKeyDirectory.NoSuch : await ApplyMemberAsync(db, known, told, cancellationToken);
            default:
                if ((known?.TenantId ?? await ScaiKeyDirectory.TenantIdAsync(db, told, cancellationToken)) is not { } tenantId)
                {
                    return ScaiKeyDirectory.NoTenant;
                }

                await directory.PutGroupAsync(db, new DirectoryGroup(tenantId, told.ResourceId, told.Name("name") ?? known?.Name ?? told.ResourceId), cancellationToken);
                return null;
        }
    }

    private static async Task<string?> ApplyMemberAsync(PlatformDb db, Group group, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        var isAdded = told.Verb == "member_added";
        if (told.Text("user_id") is { } userId)
        {
            var user = await ScaiKeyDirectory.FindUserAsync(db, told, userId, cancellationToken);
            if (user is null || user.TenantId != group.TenantId || (isAdded && user.Status == UserStatus.Deleted))
            {
                return isAdded ? ScaiKeyDirectory.NoSuch : null;
            }

            await (isAdded ? Memberships.AddMemberAsync(db, group, user, cancellationToken) : Memberships.RemoveMemberAsync(db, group, user, cancellationToken));
            return null;
        }

        var inner = told.Text("group_id") is { } groupId ? await FindAsync(db, told, groupId, cancellationToken) : null;
        if (inner is null || inner.TenantId != group.TenantId)
        {
            return isAdded ? ScaiKeyDirectory.NoSuch : null;
        }

        await (isAdded ? Memberships.AddChildAsync(db, group, inner, cancellationToken) : Memberships.RemoveChildAsync(db, group, inner, cancellationToken));
        return null;
    }

    private static Task<Group?> FindAsync(PlatformDb db, ScaiKeyEvent told, string externalId, CancellationToken cancellationToken)
    {
        var groups = db.Groups.Where(group => group.ExternalId == externalId);
        if (told.TenantId is not null)
        {
            groups = groups.Where(group => db.Tenants.Any(tenant => tenant.Id == group.TenantId && tenant.ExternalId == told.TenantId));
        }

        return groups.OrderBy(group => group.Id).FirstOrDefaultAsync(cancellationToken);
    }
}
