using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Role mappings without auto-revoke: a new member is assigned the role as by an administrator, and keeps it. (With auto-revoke nothing is
/// assigned: <see cref="Grants"/> reads the memberships.)
/// </summary>
internal static class LastingRoles
{
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
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO user_roles (user_id, role)
            SELECT m.user_id, {role} FROM user_group_members m
            WHERE m.group_id = {groupId} AND NOT EXISTS (SELECT 1 FROM user_roles r WHERE r.user_id = m.user_id AND r.role = {role})
            """,
            cancellationToken);
    }
}
