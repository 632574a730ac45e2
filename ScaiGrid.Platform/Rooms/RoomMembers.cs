using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Sessions;

namespace ScaiGrid.Platform.Rooms;

/// <summary>The members of a room.</summary>
internal static class RoomMembers
{
    private const int MostMembers = 200;

    public static void MapRoomMembers(this IEndpointRouteBuilder group)
    {
        group.MapPost("/rooms/{id}/members", Add).RequirePermission(Permissions.UseModels).Audited("room.member_add", "room")
            .WithName("AddRoomMember").WithSummary("Adds a user of the tenant or a model, or changes a user's role; for owners.");
        group.MapDelete("/rooms/{id}/members/{type}/{**member}", Remove).RequirePermission(Permissions.UseModels).Audited("room.member_remove", "room")
            .WithName("RemoveRoomMember").WithSummary("Removes a member; owners may, and everybody may leave.");
    }

    private static async Task<Results<Created<Envelope<MemberView>>, ProblemResult>> Add(
        string id, AddMember body, Caller caller, PlatformDb db, ModelResolver models, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await RoomAccess.FindAsync(db, id, caller, cancellationToken) is not { } own)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        RoomAccess.ThrowUnless(own.IsOwner);
        var checks = new Checks();
        var type = checks.OneOf("type", body.Type, RoomMemberType.User, RoomMemberType.User, RoomMemberType.Model);
        var name = checks.Required("id", body.Id, 200);
        var role = checks.OneOf("role", body.Role, RoomRole.Member, RoomRole.Owner, RoomRole.Member, RoomRole.Viewer);
        if (type == RoomMemberType.Model && role != RoomRole.Member)
        {
            checks.Add("role", "must be member for a model.");
        }

        if (type == RoomMemberType.User && name.Length > 0
            && !await db.Users.AnyAsync(user => user.Id == name && user.TenantId == caller.TenantId && user.Status == UserStatus.Active, cancellationToken))
        {
            checks.Add("id", "is not an active user of the tenant.");
        }

        var isNew = !own.Members.Any(member => member.Type == type && member.Member == name);
        if (isNew && own.Members.Count >= MostMembers)
        {
            checks.Add("id", $"would be more than {MostMembers} members.");
        }

        checks.ThrowIfAny();
        if (type == RoomMemberType.Model)
        {
            models.ThrowUnlessChat(name, caller);
        }

        var row = await db.RoomMembers.SingleOrDefaultAsync(member => member.RoomId == id && member.Type == type && member.Member == name, cancellationToken);
        if (row is null)
        {
            row = new RoomMember { RoomId = id, Type = type, Member = name, Role = role, CreatedAt = time.GetStoredNow() };
            db.RoomMembers.Add(row);
        }

        row.Role = role;
        ThrowIfOwnerless(own, row, role);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: CoreErrors.Conflict);
        return Reply.Created($"/v1/rooms/{id}", MemberView.Of(row));
    }

    private static async Task<Results<NoContent, ProblemResult>> Remove(
        string id, string type, string member, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await RoomAccess.FindAsync(db, id, caller, cancellationToken) is not { } own
            || await db.RoomMembers.SingleOrDefaultAsync(row => row.RoomId == id && row.Type == type && row.Member == member, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        RoomAccess.ThrowUnless(own.IsOwner || (type == RoomMemberType.User && member == caller.UserId));
        ThrowIfOwnerless(own, row, role: null);
        db.RoomMembers.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>A room without an owner could not be closed by anybody.</summary>
    private static void ThrowIfOwnerless(OwnRoom own, RoomMember changed, string? role)
    {
        var others = own.Members.Where(member => member.Type != changed.Type || member.Member != changed.Member);
        if (role != RoomRole.Owner && !others.Any(member => member.Role == RoomRole.Owner))
        {
            throw new ApiException(CoreErrors.Conflict, "A room needs at least one owner: make another member an owner first, or delete the room.");
        }
    }
}

/// <param name="Id">The user's id, or the model's slug.</param>
/// <param name="Type"><c>user</c> (the default) or <c>model</c>.</param>
/// <param name="Role"><c>owner</c>, <c>member</c> (the default) or <c>viewer</c>.</param>
public sealed record AddMember(string? Id, string? Type = null, string? Role = null);

internal sealed record MemberView(string Type, string Id, string Role, DateTimeOffset CreatedAt)
{
    public static MemberView Of(RoomMember row) => new(row.Type, row.Member, row.Role, row.CreatedAt);
}
