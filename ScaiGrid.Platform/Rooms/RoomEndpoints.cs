using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Sessions;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Rooms;

/// <summary>Conversations of several users and models.</summary>
internal static class RoomEndpoints
{
    private const int NameLength = 200;

    public static void MapRooms(this IEndpointRouteBuilder group)
    {
        group.MapGet("/rooms", List).RequirePermission(Permissions.UseModels)
            .WithName("ListRooms").WithSummary("The rooms that the caller is a member of, newest first.");
        group.MapPost("/rooms", Create).RequirePermission(Permissions.UseModels).Audited("room.create", "room")
            .WithName("CreateRoom").WithSummary("Opens a room, which its maker owns.");
        group.MapGet("/rooms/{id}", Get).RequirePermission(Permissions.UseModels)
            .WithName("GetRoom").WithSummary("One room, with its members.");
        group.MapPatch("/rooms/{id}", Update).RequirePermission(Permissions.UseModels).Audited("room.update", "room")
            .WithName("UpdateRoom").WithSummary("Changes what is given; for owners.");
        group.MapDelete("/rooms/{id}", Delete).RequirePermission(Permissions.UseModels).Audited("room.delete", "room")
            .WithName("DeleteRoom").WithSummary("Closes a room and forgets what was said; for owners.");
        group.MapRoomMembers();
        group.MapGet("/rooms/{id}/messages", Messages).RequirePermission(Permissions.UseModels)
            .WithName("ListRoomMessages").WithSummary("What was said, newest first.");
        group.MapPost("/rooms/{id}/messages", Post).RequirePermission(Permissions.UseModels).NotAudited(MessageBodies.Kept)
            .WithName("PostRoomMessage").WithSummary("Says something; with reply_model, that model answers.");
    }

    private static async Task<Ok<PageEnvelope<RoomView>>> List([AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var page = await db.Of(caller).AsNoTracking()
            .NewestAsync(query, Ids.Room, room => room.Id, room => (room.SystemPrompt ?? "").Length + room.Metadata.Length, cancellationToken);
        return page.As(row => RoomView.Of(row, members: null));
    }

    private static async Task<Created<Envelope<RoomView>>> Create(
        CreateRoom body, Caller caller, IDbContextFactory<PlatformDb> databases, TenantLimitOptions limits, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var now = time.GetStoredNow();
        var row = new Room
        {
            Id = Ids.New(Ids.Room, time),
            TenantId = caller.TenantId,
            Name = checks.Required("name", body.Name, NameLength),
            SystemPrompt = checks.Prose("system_prompt", body.SystemPrompt, MessageBodies.ContentLength),
            Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? "{}",
            CreatedBy = caller.UserId,
            CreatedAt = now,
            UpdatedAt = now,
        };
        checks.ThrowIfAny();
        var owner = new RoomMember { RoomId = row.Id, Type = RoomMemberType.User, Member = caller.UserId, Role = RoomRole.Owner, CreatedAt = now };
        row.Bytes = ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata);
        await databases.TransactAsync(
            async (db, token) =>
            {
                var all = db.Rooms.Where(room => room.TenantId == row.TenantId);
                await db.ThrowIfFullAsync(row.TenantId, all, limits.ConversationsPerTenant, ConversationErrors.TooManyRooms, token);
                await ConversationLimits.ThrowIfFullAsync(db, row.TenantId, row.Bytes, limits, token);
                db.Rooms.Add(row);
                db.RoomMembers.Add(owner);
            },
            cancellationToken);
        return Reply.Created($"/v1/rooms/{row.Id}", RoomView.Of(row, [owner]));
    }

    private static async Task<Results<Ok<Envelope<RoomView>>, ProblemResult>> Get(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken) =>
        await RoomAccess.FindAsync(db, id, caller, cancellationToken) is { } own
            ? Reply.Ok(RoomView.Of(own.Room, own.Members))
            : Reply.Problem(CoreErrors.NotFound);

    private static async Task<Ok<Envelope<RoomView>>> Update(
        string id,
        UpdateRoom body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        TenantLimitOptions limits,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var own = await databases.TransactAsync((db, token) => UpdateAsync(db, id, body, caller, limits, time.GetStoredNow(), token), cancellationToken);
        return Reply.Ok(RoomView.Of(own.Room, own.Members));
    }

    private static async Task<OwnRoom> UpdateAsync(
        PlatformDb db, string id, UpdateRoom body, Caller caller, TenantLimitOptions limits, DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Locks the row before it is read: messages that are stored meanwhile count in it as well.
        await db.Of(caller).Where(room => room.Id == id).ExecuteUpdateAsync(room => room.SetProperty(one => one.UpdatedAt, now), cancellationToken);
        var own = await RoomAccess.FindAsync(db, id, caller, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        RoomAccess.ThrowUnless(own.IsOwner);
        var checks = new Checks();
        var row = own.Room;
        var before = ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata);
        row.Name = body.Name is null ? row.Name : checks.Required("name", body.Name, NameLength);
        row.SystemPrompt = body.SystemPrompt.IsGiven ? checks.Prose("system_prompt", body.SystemPrompt.Value, MessageBodies.ContentLength) : row.SystemPrompt;
        row.Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? row.Metadata;
        checks.ThrowIfAny();
        row.Bytes += await ConversationLimits.GrowthAsync(db, row.TenantId, before, ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata), limits, cancellationToken);
        return own;
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, PlatformDb db, IDbContextFactory<PlatformDb> databases, CancellationToken cancellationToken)
    {
        if (await RoomAccess.FindAsync(db, id, caller, cancellationToken) is not { } own)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        RoomAccess.ThrowUnless(own.IsOwner);
        await databases.TransactAsync(
            async (unit, token) =>
            {
                // The room first: a turn that ends at this moment waits, and finds it gone.
                await unit.Rooms.Where(room => room.Id == id && room.TenantId == caller.TenantId).ExecuteDeleteAsync(token);
                await unit.RoomMembers.Where(member => member.RoomId == id).ExecuteDeleteAsync(token);
                await unit.Messages.Where(message => message.ConversationId == id && message.TenantId == caller.TenantId).ExecuteDeleteAsync(token);
            },
            cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<PageEnvelope<MessageView>>, ProblemResult>> Messages(
        string id, [AsParameters] PageQuery page, Caller caller, PlatformDb db, CancellationToken cancellationToken) =>
        await RoomAccess.FindAsync(db, id, caller, cancellationToken) is null
            ? Reply.Problem(CoreErrors.NotFound)
            : await MessageBodies.PageAsync(db, id, page, caller, cancellationToken);

    private static async Task<IResult> Post(
        string id,
        PostRoomMessage body,
        HttpContext context,
        Caller caller,
        PlatformDb db,
        Conversation conversation,
        TenantLimitOptions limits,
        CancellationToken cancellationToken)
    {
        if (await RoomAccess.FindAsync(db, id, caller, cancellationToken) is not { } own)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        RoomAccess.ThrowUnless(own.MaySpeak);
        var checks = new Checks();
        var content = checks.RequiredProse("content", body.Content, MessageBodies.ContentLength);
        var maxTokens = checks.Between("max_tokens", body.MaxTokens, 1, 10_000_000);
        if (body.ReplyModel is not null && !own.Members.Any(member => member.Type == RoomMemberType.Model && member.Member == body.ReplyModel))
        {
            checks.Add("reply_model", "is not a member of the room.");
        }

        checks.ThrowIfAny();
        await ConversationLimits.ThrowIfFullAsync(db, caller.TenantId, ConversationLimits.BytesOf(content), limits, cancellationToken);
        if (body.ReplyModel is { } model)
        {
            return await MessageBodies.AnswerAsync(
                conversation, new Turn(id, model, own.Room.SystemPrompt, content, NamesAuthors: true, maxTokens), body.Stream, caller, context);
        }

        var said = conversation.NewMessage(id, caller, "user", caller.UserId, content);
        await conversation.StoreAsync(said);
        return Reply.Created($"/v1/rooms/{id}/messages", MessageView.Of(said));
    }
}

/// <param name="Name">The name shown to people.</param>
/// <param name="SystemPrompt">Sent to models first, in every turn.</param>
/// <param name="Metadata">Any JSON object of the caller.</param>
public sealed record CreateRoom(string? Name, string? SystemPrompt = null, JsonObject? Metadata = null);

/// <summary>Omitted fields keep their values; <c>null</c> removes the system prompt.</summary>
public sealed record UpdateRoom(string? Name = null, JsonObject? Metadata = null)
{
    public Optional<string> SystemPrompt { get; init; }
}

/// <param name="Content">The message's text.</param>
/// <param name="ReplyModel">The member that answers; no model if omitted.</param>
/// <param name="Stream">Whether the reply is sent as server-sent events.</param>
/// <param name="MaxTokens">The limit of the reply.</param>
public sealed record PostRoomMessage(string? Content, string? ReplyModel = null, bool Stream = false, int? MaxTokens = null);

internal sealed record RoomView(
    string Id,
    string Name,
    string? SystemPrompt,
    JsonNode? Metadata,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    IReadOnlyList<MemberView>? Members)
{
    public static RoomView Of(Room row, IReadOnlyList<RoomMember>? members) => new(
        row.Id, row.Name, row.SystemPrompt, JsonNode.Parse(row.Metadata), row.CreatedBy, row.CreatedAt, row.UpdatedAt, members is null ? null : [.. members.Select(MemberView.Of)]);
}
