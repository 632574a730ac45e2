using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Changes members and role mappings of groups. Idempotent. Each method saves; call them inside a transaction, because lasting roles are assigned
/// with the change.
/// </summary>
internal static class Memberships
{
    /// <summary>Deletes a group with its memberships, mappings and budgets; its members lose what they had through it.</summary>
    public static async Task DeleteGroupAsync(PlatformDb db, Group group, CancellationToken cancellationToken)
    {
        // Explicitly, although the database would cascade: cascaded deletes are not noted for the snapshot.
        db.RemoveRange(await db.RoleMappings.Where(mapping => mapping.GroupId == group.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.GroupMembers.Where(member => member.GroupId == group.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.GroupChildren.Where(child => child.GroupId == group.Id || child.ChildId == group.Id).ToListAsync(cancellationToken));
        db.RemoveRange(await db.Budgets.Where(budget => budget.TenantId == group.TenantId && budget.ScopeId == group.Id).ToListAsync(cancellationToken));
        db.Groups.Remove(group);
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Adds a user of the group's tenant to the group.</summary>
    public static async Task AddMemberAsync(PlatformDb db, Group group, User user, CancellationToken cancellationToken)
    {
        if (user.TenantId != group.TenantId)
        {
            throw new ArgumentException("Groups have members of their own tenant only.", nameof(user));
        }

        await LastingRoles.LockAsync(db, group.TenantId, cancellationToken);
        if (!await db.GroupMembers.AnyAsync(member => member.GroupId == group.Id && member.UserId == user.Id, cancellationToken))
        {
            db.GroupMembers.Add(new GroupMember { GroupId = group.Id, UserId = user.Id });
            await db.SaveChangesAsync(cancellationToken);
            await LastingRoles.AssignAsync(db, group, cancellationToken);
        }
    }

    public static async Task RemoveMemberAsync(PlatformDb db, Group group, User user, CancellationToken cancellationToken)
    {
        db.RemoveRange(await db.GroupMembers.Where(member => member.GroupId == group.Id && member.UserId == user.Id).ToListAsync(cancellationToken));
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Adds a group to another group of its tenant.</summary>
    public static async Task AddChildAsync(PlatformDb db, Group group, Group child, CancellationToken cancellationToken)
    {
        if (child.TenantId != group.TenantId)
        {
            throw new ArgumentException("Groups contain groups of their own tenant only.", nameof(child));
        }

        await LastingRoles.LockAsync(db, group.TenantId, cancellationToken);
        if (!await db.GroupChildren.AnyAsync(row => row.GroupId == group.Id && row.ChildId == child.Id, cancellationToken))
        {
            db.GroupChildren.Add(new GroupChild { GroupId = group.Id, ChildId = child.Id });
            await db.SaveChangesAsync(cancellationToken);
            await LastingRoles.AssignAsync(db, group, cancellationToken);
        }
    }

    public static async Task RemoveChildAsync(PlatformDb db, Group group, Group child, CancellationToken cancellationToken)
    {
        db.RemoveRange(await db.GroupChildren.Where(row => row.GroupId == group.Id && row.ChildId == child.Id).ToListAsync(cancellationToken));
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <exception cref="ApiException">The group already has the role.</exception>
    public static async Task AddMappingAsync(PlatformDb db, RoleMapping mapping, CancellationToken cancellationToken)
    {
        await LastingRoles.LockAsync(db, mapping.TenantId, cancellationToken);
        db.RoleMappings.Add(mapping);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: IdentityErrors.MappingExists);
        await LastingRoles.AssignAsync(db, await db.Groups.SingleAsync(group => group.Id == mapping.GroupId, cancellationToken), cancellationToken);
    }
}
