using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Rooms;

/// <summary>A room with the role of the caller in it.</summary>
internal sealed record OwnRoom(Room Room, IReadOnlyList<RoomMember> Members, string Role)
{
    public bool IsOwner => Role == RoomRole.Owner;

    public bool MaySpeak => Role != RoomRole.Viewer;
}

/// <summary>A room is visible to its members only; for others of the tenant it does not exist.</summary>
internal static class RoomAccess
{
    public static IQueryable<Room> Of(this PlatformDb db, Caller caller) => db.Rooms.Where(room => room.TenantId == caller.TenantId
        && db.RoomMembers.Any(member => member.RoomId == room.Id && member.Type == RoomMemberType.User && member.Member == caller.UserId));

    public static async Task<OwnRoom?> FindAsync(PlatformDb db, string id, Caller caller, CancellationToken cancellationToken)
    {
        if (await db.Of(caller).SingleOrDefaultAsync(room => room.Id == id, cancellationToken) is not { } room)
        {
            return null;
        }

        var members = await db.RoomMembers.AsNoTracking().Where(member => member.RoomId == id).OrderBy(member => member.CreatedAt).ToListAsync(cancellationToken);
        var own = members.Find(member => member.Type == RoomMemberType.User && member.Member == caller.UserId);
        return own is null ? null : new OwnRoom(room, members, own.Role);
    }

    /// <exception cref="ApiException">The caller is a member, but may not do this.</exception>
    public static void ThrowUnless(bool may)
    {
        if (!may)
        {
            throw new ApiException(CoreErrors.PermissionDenied, "Your role in this room does not allow that.");
        }
    }
}
