using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Sessions;

/// <param name="Content">What is said.</param>
/// <param name="Stream">Whether the reply comes as server-sent events.</param>
/// <param name="MaxTokens">Bound of the reply.</param>
public sealed record PostMessage(string? Content, bool Stream = false, int? MaxTokens = null);

/// <param name="Id">msg_…</param>
/// <param name="Role"><c>user</c> or <c>assistant</c>.</param>
/// <param name="Author">The user's id, or the model's slug.</param>
/// <param name="Content">What was said.</param>
/// <param name="IsComplete">False when the reply was cut off.</param>
/// <param name="CreatedAt">When it was stored.</param>
internal sealed record MessageView(string Id, string Role, string Author, string Content, bool IsComplete, DateTimeOffset CreatedAt)
{
    public static MessageView Of(Message row) => new(row.Id, row.Role, row.Author, row.Content, row.IsComplete, row.CreatedAt);
}

/// <summary>The assistant's message, and what it used.</summary>
internal sealed record ReplyView(string Id, string Role, string Author, string Content, bool IsComplete, DateTimeOffset CreatedAt, JsonNode? Usage);

/// <summary>What sessions and rooms do alike.</summary>
internal static class MessageBodies
{
    public const string Kept = "A model's answer leaves a usage row, as inference does; what is said is itself a row with its author and time, which only the audited end of the conversation removes.";
    public const int ModelLength = 200;
    public const int TitleLength = 500;
    public const int ContentLength = 500_000;

    /// <summary>A conversation is with a model that its caller can talk to; whether a backend serves it shows at the first message.</summary>
    /// <exception cref="ApiException">There is no such model for them.</exception>
    public static void ThrowUnlessChat(this ModelResolver models, string slug, Caller caller)
    {
        if (models.Check(slug, "chat", caller) is { } problem)
        {
            throw new ApiException(problem);
        }
    }

    public static async Task<Ok<PageEnvelope<MessageView>>> PageAsync(
        PlatformDb db, string conversationId, PageQuery query, Caller caller, CancellationToken cancellationToken)
    {
        var page = await db.ByIndex<Message>("ix_messages_conversation").AsNoTracking()
            .Where(message => message.ConversationId == conversationId && message.TenantId == caller.TenantId)
            .NewestAsync(query, Ids.Message, message => message.Id, cancellationToken);
        return page.As(MessageView.Of);
    }

    /// <summary>The reply as the caller wants it; the model's own error where there is none.</summary>
    public static async Task<IResult> AnswerAsync(Conversation conversation, Turn turn, bool stream, Caller caller, HttpContext context)
    {
        if (stream)
        {
            await conversation.StreamAsync(turn, caller, context);
            return Results.Empty;
        }

        var result = await conversation.ReplyAsync(turn, caller, context.TraceIdentifier, context.RequestAborted);
        foreach (var header in result.Answer.Headers.Where(header => !header.Key.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)))
        {
            // Limits, routing, deprecation: what is said of the call holds for the message too; only what describes the body does not.
            context.Response.Headers[header.Key] = header.Value;
        }

        if (result.Message is not { } reply)
        {
            // The answer's own status stands: Bytes sets none.
            context.Response.StatusCode = result.Answer.Status;
            return Results.Bytes(result.Answer.Body, "application/json");
        }

        return Reply.Ok(new ReplyView(reply.Id, reply.Role, reply.Author, reply.Content, reply.IsComplete, reply.CreatedAt, result.Usage));
    }
}
