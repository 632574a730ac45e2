using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>The database rows of the <see cref="Grants"/> of a set of users.</summary>
internal sealed record GrantRows(
    List<UserRole> Roles,
    List<UserCustomRole> UserCustomRoles,
    List<CustomRole> CustomRoles,
    List<UserModulePermission> ModulePermissions,
    List<GroupMember> Members,
    List<GroupChild> Children,
    List<RoleMapping> Mappings)
{
    public static async Task<GrantRows> ReadAsync(PlatformDb db, IQueryable<User> users, string tenantId, CancellationToken cancellationToken) => new(
        await db.UserRoles.AsNoTracking().Where(role => users.Any(user => user.Id == role.UserId)).ToListAsync(cancellationToken),
        await db.UserCustomRoles.AsNoTracking().Where(role => users.Any(user => user.Id == role.UserId)).ToListAsync(cancellationToken),
        await db.CustomRoles.AsNoTracking()
            .Where(role => db.UserCustomRoles.Any(held => held.CustomRoleId == role.Id && users.Any(user => user.Id == held.UserId)))
            .ToListAsync(cancellationToken),
        await db.UserModulePermissions.AsNoTracking().Where(grant => users.Any(user => user.Id == grant.UserId)).ToListAsync(cancellationToken),
        await db.GroupMembers.AsNoTracking().Where(member => users.Any(user => user.Id == member.UserId)).ToListAsync(cancellationToken),
        await db.GroupChildren.AsNoTracking()
            .Where(child => db.Groups.Any(group => group.Id == child.GroupId && group.TenantId == tenantId))
            .ToListAsync(cancellationToken),
        await db.RoleMappings.AsNoTracking()
            .Where(mapping => mapping.AutoRevoke && mapping.TenantId == tenantId)
            .ToListAsync(cancellationToken));

    public GrantSource ToSource()
    {
        var roles = Roles.ToLookup(row => row.UserId, row => row.Role);
        var customRoles = UserCustomRoles.ToLookup(row => row.UserId, row => row.CustomRoleId);
        var modulePermissions = ModulePermissions.ToLookup(row => row.UserId, row => row.Permission);
        var groups = Members.ToLookup(row => row.UserId, row => row.GroupId);
        var byId = CustomRoles.ToDictionary(role => role.Id);
        return new GrantSource(
            user => roles[user], user => customRoles[user], user => modulePermissions[user], user => groups[user], new GroupRoles(Mappings, Children), byId.GetValueOrDefault);
    }
}
