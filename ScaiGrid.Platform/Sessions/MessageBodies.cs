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

/// <param name="Content">The message's text.</param>
/// <param name="Stream">Whether the reply is sent as server-sent events.</param>
/// <param name="MaxTokens">The limit of the reply.</param>
public sealed record PostMessage(string? Content, bool Stream = false, int? MaxTokens = null);

/// <param name="Id">msg_…</param>
/// <param name="Role"><c>user</c> or <c>assistant</c>.</param>
/// <param name="Author">The user's id, or the model's slug.</param>
/// <param name="Content">The message's text.</param>
/// <param name="IsComplete">False if the reply was cut off.</param>
/// <param name="CreatedAt">When it was stored.</param>
internal sealed record MessageView(string Id, string Role, string Author, string Content, bool IsComplete, DateTimeOffset CreatedAt)
{
    public static MessageView Of(Message row) => new(row.Id, row.Role, row.Author, row.Content, row.IsComplete, row.CreatedAt);
}

/// <summary>The assistant's message, and its usage.</summary>
internal sealed record ReplyView(string Id, string Role, string Author, string Content, bool IsComplete, DateTimeOffset CreatedAt, JsonNode? Usage);

/// <summary>Code shared by sessions and rooms.</summary>
internal static class MessageBodies
{
    public const string Kept = "A model's answer leaves a usage row, as inference does; what is said is itself a row with its author and time, which only the audited end of the conversation removes.";
    public const int ModelLength = 200;
    public const int TitleLength = 500;
    public const int ContentLength = 500_000;

    /// <summary>Requires a chat model that the caller may use. Whether a backend serves it is only known with the first message.</summary>
    /// <exception cref="ApiException">There is no such model for the caller.</exception>
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
            .NewestAsync(query, Ids.Message, message => message.Id, message => message.Content.Length, cancellationToken);
        return page.As(MessageView.Of);
    }

    /// <summary>Answers with the reply, streamed or not; with the model's own error if there is none.</summary>
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
            // Headers about the call (limits, routing, deprecation) apply to the message as well; those about the body do not.
            context.Response.Headers[header.Key] = header.Value;
        }

        if (result.Message is not { } reply)
        {
            // Set explicitly, because Results.Bytes does not set the status.
            context.Response.StatusCode = result.Answer.Status;
            return Results.Bytes(result.Answer.Body, "application/json");
        }

        return Reply.Ok(new ReplyView(reply.Id, reply.Role, reply.Author, reply.Content, reply.IsComplete, reply.CreatedAt, result.Usage));
    }
}
