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
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Sessions;

/// <summary>Stored conversations with a model, visible to their user.</summary>
internal static class SessionEndpoints
{
    public static void MapSessions(this IEndpointRouteBuilder group)
    {
        group.MapGet("/sessions", List).RequirePermission(Permissions.UseModels)
            .WithName("ListSessions").WithSummary("The caller's sessions, newest first; scope=tenant lists the tenant's, without what was said.");
        group.MapPost("/sessions", Create).RequirePermission(Permissions.UseModels).Audited("session.create", "session")
            .WithName("CreateSession").WithSummary("Begins a conversation with a model.");
        group.MapGet("/sessions/{id}", Get).RequirePermission(Permissions.UseModels)
            .WithName("GetSession").WithSummary("One session.");
        group.MapPatch("/sessions/{id}", Update).RequirePermission(Permissions.UseModels).Audited("session.update", "session")
            .WithName("UpdateSession").WithSummary("Changes what is given.");
        group.MapDelete("/sessions/{id}", Delete).RequirePermission(Permissions.UseModels).Audited("session.delete", "session")
            .WithName("DeleteSession").WithSummary("Forgets a session and all that was said.");
        group.MapGet("/sessions/{id}/messages", Messages).RequirePermission(Permissions.UseModels)
            .WithName("ListSessionMessages").WithSummary("What was said, newest first.");
        group.MapPost("/sessions/{id}/messages", Post).RequirePermission(Permissions.UseModels).NotAudited(MessageBodies.Kept)
            .WithName("PostSessionMessage").WithSummary("Says something; answers the assistant's reply, or its stream.");
    }

    private static async Task<Results<Ok<PageEnvelope<SessionView>>, ProblemResult>> List(
        string? scope, [AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var ofTenant = checks.OneOf("scope", scope, "own", "own", "tenant") == "tenant";
        checks.ThrowIfAny();
        if (ofTenant && !caller.Has(Permissions.ViewTenantAccounting))
        {
            return Reply.Problem(CoreErrors.PermissionDenied, "scope=tenant needs accounting:view_tenant.");
        }

        var page = await db.ByIndex<ChatSession>(ofTenant ? "ix_chat_sessions_tenant" : "ix_chat_sessions_user").AsNoTracking()
            .Where(session => session.TenantId == caller.TenantId && (ofTenant || session.UserId == caller.UserId))
            .NewestAsync(query, Ids.Session, session => session.Id, session => (session.SystemPrompt ?? "").Length + session.Metadata.Length, cancellationToken);
        return page.As(row => SessionView.Of(row, isOwn: row.UserId == caller.UserId));
    }

    private static async Task<Created<Envelope<SessionView>>> Create(
        CreateSession body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        ModelResolver models,
        TenantLimitOptions limits,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var now = time.GetStoredNow();
        var row = new ChatSession
        {
            Id = Ids.New(Ids.Session, time),
            TenantId = caller.TenantId,
            UserId = caller.UserId,
            Model = checks.Required("model", body.Model, MessageBodies.ModelLength),
            Title = Title(checks, body.Title),
            SystemPrompt = checks.Prose("system_prompt", body.SystemPrompt, MessageBodies.ContentLength),
            Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? "{}",
            CreatedAt = now,
            UpdatedAt = now,
        };
        checks.ThrowIfAny();
        models.ThrowUnlessChat(row.Model, caller);
        row.Bytes = ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata);
        await databases.TransactAsync(
            async (db, token) =>
            {
                var all = db.ChatSessions.Where(session => session.TenantId == row.TenantId);
                await db.ThrowIfFullAsync(row.TenantId, all, limits.ConversationsPerTenant, ConversationErrors.TooManySessions, token);
                await ConversationLimits.ThrowIfFullAsync(db, row.TenantId, row.Bytes, limits, token);
                db.ChatSessions.Add(row);
            },
            cancellationToken);
        return Reply.Created($"/v1/sessions/{row.Id}", SessionView.Of(row, isOwn: true));
    }

    private static async Task<Results<Ok<Envelope<SessionView>>, ProblemResult>> Get(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken) =>
        await FindAsync(db, id, caller, cancellationToken) is { } row ? Reply.Ok(SessionView.Of(row, isOwn: true)) : Reply.Problem(CoreErrors.NotFound);

    private static async Task<Ok<Envelope<SessionView>>> Update(
        string id,
        UpdateSession body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        ModelResolver models,
        TenantLimitOptions limits,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var row = await databases.TransactAsync((db, token) => UpdateAsync(db, id, body, caller, models, limits, time.GetStoredNow(), token), cancellationToken);
        return Reply.Ok(SessionView.Of(row, isOwn: true));
    }

    private static async Task<ChatSession> UpdateAsync(
        PlatformDb db,
        string id,
        UpdateSession body,
        Caller caller,
        ModelResolver models,
        TenantLimitOptions limits,
        DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        // Locks the row before it is read: messages that are stored meanwhile count in it as well.
        await db.ChatSessions.Where(session => session.Id == id && session.TenantId == caller.TenantId && session.UserId == caller.UserId)
            .ExecuteUpdateAsync(session => session.SetProperty(one => one.UpdatedAt, now), cancellationToken);
        var row = await FindAsync(db, id, caller, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        var before = ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata);
        var checks = new Checks();
        row.Model = body.Model is null ? row.Model : checks.Required("model", body.Model, MessageBodies.ModelLength);
        row.Title = body.Title.IsGiven ? Title(checks, body.Title.Value) : row.Title;
        row.SystemPrompt = body.SystemPrompt.IsGiven ? checks.Prose("system_prompt", body.SystemPrompt.Value, MessageBodies.ContentLength) : row.SystemPrompt;
        row.Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? row.Metadata;
        checks.ThrowIfAny();
        if (body.Model is not null)
        {
            models.ThrowUnlessChat(row.Model, caller);
        }

        row.Bytes += await ConversationLimits.GrowthAsync(db, row.TenantId, before, ConversationLimits.BytesOf(row.SystemPrompt, row.Metadata), limits, cancellationToken);
        return row;
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, PlatformDb db, IDbContextFactory<PlatformDb> databases, CancellationToken cancellationToken)
    {
        if (await FindAsync(db, id, caller, cancellationToken) is null)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        await databases.TransactAsync(
            async (unit, token) =>
            {
                // The session first: a turn that ends at this moment waits, and finds it gone.
                await unit.ChatSessions.Where(session => session.Id == id && session.TenantId == caller.TenantId).ExecuteDeleteAsync(token);
                await unit.Messages.Where(message => message.ConversationId == id && message.TenantId == caller.TenantId).ExecuteDeleteAsync(token);
            },
            cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<PageEnvelope<MessageView>>, ProblemResult>> Messages(
        string id, [AsParameters] PageQuery page, Caller caller, PlatformDb db, CancellationToken cancellationToken) =>
        await FindAsync(db, id, caller, cancellationToken) is null
            ? Reply.Problem(CoreErrors.NotFound)
            : await MessageBodies.PageAsync(db, id, page, caller, cancellationToken);

    private static async Task<IResult> Post(
        string id,
        PostMessage body,
        HttpContext context,
        Caller caller,
        PlatformDb db,
        Conversation conversation,
        TenantLimitOptions limits,
        CancellationToken cancellationToken)
    {
        if (await FindAsync(db, id, caller, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var checks = new Checks();
        var content = checks.RequiredProse("content", body.Content, MessageBodies.ContentLength);
        var maxTokens = checks.Between("max_tokens", body.MaxTokens, 1, 10_000_000);
        checks.ThrowIfAny();
        await ConversationLimits.ThrowIfFullAsync(db, caller.TenantId, ConversationLimits.BytesOf(content), limits, cancellationToken);
        return await MessageBodies.AnswerAsync(
            conversation, new Turn(id, row.Model, row.SystemPrompt, content, NamesAuthors: false, maxTokens), body.Stream, caller, context);
    }

    // Of any number of lines: clients may take it from the first message.
    private static string? Title(Checks checks, string? text) => checks.Prose("title", text, MessageBodies.TitleLength);

    private static Task<ChatSession?> FindAsync(PlatformDb db, string id, Caller caller, CancellationToken cancellationToken) =>
        db.ChatSessions.SingleOrDefaultAsync(session => session.Id == id && session.TenantId == caller.TenantId && session.UserId == caller.UserId, cancellationToken);
}

/// <param name="Model">The slug of the model to talk to.</param>
/// <param name="Title">The title shown to people.</param>
/// <param name="SystemPrompt">Sent to the model first, in every turn.</param>
/// <param name="Metadata">Any JSON object of the caller.</param>
public sealed record CreateSession(string? Model, string? Title = null, string? SystemPrompt = null, JsonObject? Metadata = null);

/// <summary>Omitted fields keep their values; <c>null</c> removes title and system prompt.</summary>
public sealed record UpdateSession(string? Model = null, JsonObject? Metadata = null)
{
    public Optional<string> Title { get; init; }

    public Optional<string> SystemPrompt { get; init; }
}

internal sealed record SessionView(
    string Id, string UserId, string Model, string? Title, string? SystemPrompt, JsonNode? Metadata, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>Of other users' sessions, only their existence and their model are shown.</summary>
    public static SessionView Of(ChatSession row, bool isOwn) => new(
        row.Id,
        row.UserId,
        row.Model,
        isOwn ? row.Title : null,
        isOwn ? row.SystemPrompt : null,
        isOwn ? JsonNode.Parse(row.Metadata) : null,
        row.CreatedAt,
        row.UpdatedAt);
}
