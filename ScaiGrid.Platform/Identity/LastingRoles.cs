using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Role mappings without auto-revoke: a new member is assigned the role as by an administrator, and keeps it. (With auto-revoke nothing is
/// assigned: <see cref="Grants"/> reads the memberships.)
/// </summary>
internal static class LastingRoles
{
    /// <summary>
    /// Lets one change of a tenant's groups and mappings wait for another: a member and a mapping that are added at once would each not see the other,
    /// and the member would not get the role. Call it before the change.
    /// </summary>
    public static Task LockAsync(PlatformDb db, string tenantId, CancellationToken cancellationToken) => db.TakeLockAsync($"lasting_roles/{tenantId}", cancellationToken);

    /// <summary>Call when a group gets a new member, inner group or mapping, inside the transaction that adds it.</summary>
    public static async Task AssignAsync(PlatformDb db, Group group, CancellationToken cancellationToken)
    {
        var mappings = await db.RoleMappings.AsNoTracking()
            .Where(mapping => mapping.TenantId == group.TenantId && !mapping.AutoRevoke)
            .ToListAsync(cancellationToken);
        if (mappings.Count == 0)
        {
            return;
        }

        var edges = await db.GroupChildren.AsNoTracking()
            .Where(child => db.Groups.Any(row => row.Id == child.GroupId && row.TenantId == group.TenantId))
            .ToListAsync(cancellationToken);
        var outer = GroupRoles.Walk(group.Id, edges.ToLookup(child => child.ChildId, child => child.GroupId)).ToHashSet();
        var inner = GroupRoles.Walk(group.Id, edges.ToLookup(child => child.GroupId, child => child.ChildId)).ToList();
        foreach (var role in mappings.Where(mapping => outer.Contains(mapping.GroupId)).Select(mapping => mapping.Role).Distinct())
        {
            foreach (var groupId in inner)
            {
                await AssignAsync(db, groupId, role, cancellationToken);
            }
        }
    }

    // In one SQL statement: a group may have hundreds of thousands of members.
    private static async Task AssignAsync(PlatformDb db, string groupId, string role, CancellationToken cancellationToken)
    {
        db.MarkSnapshotChanged();

        // An administrator may assign the same role at this moment.
        var insert = db.Database.IsSqlite() ? "INSERT OR IGNORE" : "INSERT IGNORE";
        await db.Database.ExecuteSqlRawAsync(
            insert + " INTO user_roles (user_id, role) SELECT user_id, {1} FROM user_group_members WHERE group_id = {0}",
            [groupId, role],
            cancellationToken);
    }
}
