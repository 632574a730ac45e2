using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Surfaces;
using ScaiGrid.Platform.Calls;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Sessions;

/// <summary>
/// Makes a model answer in a conversation, by the same code as a call of the caller's own, and stores message and reply together: if the reply
/// fails, nothing is stored, and if it breaks off, it is stored as far as it came. A refusal is stored as the reply.
/// </summary>
internal sealed partial class Conversation(
    InProcessInference inference, IDbContextFactory<PlatformDb> databases, TimeProvider time, ILogger<Conversation> logger)
{
    /// <summary>The history for the model: the last messages, up to this number and to a total size.</summary>
    private const int MostMessages = 200;
    private const int MostCharacters = 1_000_000;
    private const string Path = "/v1/inference/chat";

    /// <summary>Answers with the whole reply.</summary>
    public async Task<TurnResult> ReplyAsync(Turn turn, Caller caller, string requestId, CancellationToken cancellationToken)
    {
        var answer = await inference.PostAsync(caller, Path, await RequestAsync(turn, caller, stream: false, cancellationToken), requestId, cancellationToken);
        if (!answer.Succeeded)
        {
            return new TurnResult(Message: null, Usage: null, answer);
        }

        var data = JsonNode.Parse(answer.Body.Span)!["data"]!;
        var said = data["choices"]?.AsArray().FirstOrDefault()?["message"];
        var text = (string?)said?["content"] + (string?)said?["refusal"];
        return new TurnResult(await StoreAsync(turn, caller, text, isComplete: true), data["usage"]?.DeepClone(), answer);
    }

    /// <summary>Relays the model's stream to the caller, byte for byte, and stores the reply before the stream's end mark.</summary>
    public async Task StreamAsync(Turn turn, Caller caller, HttpContext context)
    {
        var request = await RequestAsync(turn, caller, stream: true, context.RequestAborted);
        var reply = new StreamedReply(context.Response.Body);
        try
        {
            await inference.PostAsync(caller, Path, request, context.TraceIdentifier, reply, started => CopyHead(started, context.Response), context.RequestAborted);
        }
        finally
        {
            // A complete reply without text, for example because reasoning used up its limit, is stored as well.
            if (reply.Text.Length > 0 || reply.IsComplete)
            {
                await StoreOrTellAsync(turn, caller, reply, context);
            }
        }

        await reply.EndAsync(context.RequestAborted);
    }

    public Message NewMessage(string conversationId, Caller caller, string role, string author, string content, bool isComplete = true) => new()
    {
        Id = Ids.New(Ids.Message, time),
        ConversationId = conversationId,
        TenantId = caller.TenantId,
        Role = role,
        Author = author,
        Content = content,
        IsComplete = isComplete,
        CreatedAt = time.GetStoredNow(),
    };

    private async Task<byte[]> RequestAsync(Turn turn, Caller caller, bool stream, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var newest = db.Messages.AsNoTracking()
            .Where(message => message.ConversationId == turn.ConversationId && message.TenantId == caller.TenantId)
            .OrderByDescending(message => message.Id);

        // Their lengths first: only messages that the model is told are loaded.
        var lengths = await newest.Take(MostMessages).Select(message => message.Content.Length).ToListAsync(cancellationToken);
        var past = await newest.Take(NewestRows.Fitting(lengths, MostCharacters - turn.Content.Length)).ToListAsync(cancellationToken);
        var messages = new List<JsonObject> { Said("user", caller.UserId, turn.Content) };

        // Replies without text are left out: they tell a model nothing, and some models reject them.
        foreach (var message in past.Where(message => message.Content.Length > 0))
        {
            messages.Insert(0, Said(message.Role, message.Author, message.Content));
        }

        if (turn.SystemPrompt is { Length: > 0 } prompt)
        {
            messages.Insert(0, new JsonObject { ["role"] = "system", ["content"] = prompt });
        }

        var request = new JsonObject { ["model"] = turn.Model, ["stream"] = stream, ["messages"] = new JsonArray([.. messages]) };
        if (turn.MaxTokens is { } max)
        {
            request["max_tokens"] = max;
        }

        return JsonSerializer.SerializeToUtf8Bytes(request);

        JsonObject Said(string role, string author, string content) => new()
        {
            ["role"] = role,
            ["content"] = turn.NamesAuthors && role == "user" ? $"[{author}] {content}" : content,
        };
    }

    /// <summary>Stores a streamed reply. A failure ends the stream as any other failure does: with an error event before the end mark.</summary>
    private async Task StoreOrTellAsync(Turn turn, Caller caller, StreamedReply reply, HttpContext context)
    {
        try
        {
            await StoreAsync(turn, caller, reply.Text, reply.IsComplete);
        }
        catch (Exception exception)
        {
            TurnNotStored(context.TraceIdentifier, exception);
            StreamErrors.WriteNative(context.Response.BodyWriter, DatabaseAway.Is(exception) ? DatabaseAway.Problem : new Problem(CoreErrors.Internal));
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        }
    }

    /// <summary>Not with the caller's token: a caller who disconnected finds the reply, as far as it came, later.</summary>
    private async Task<Message> StoreAsync(Turn turn, Caller caller, string text, bool isComplete)
    {
        var said = NewMessage(turn.ConversationId, caller, "user", caller.UserId, turn.Content);
        var reply = NewMessage(turn.ConversationId, caller, "assistant", turn.Model, text, isComplete);
        while (string.CompareOrdinal(reply.Id, said.Id) < 0)
        {
            // Ids of the same millisecond are in random order, but a reply must sort after its message.
            reply = NewMessage(turn.ConversationId, caller, "assistant", turn.Model, text, isComplete);
        }

        await StoreAsync(said, reply);
        return reply;
    }

    /// <summary>Stores messages, unless the conversation was deleted in the meantime.</summary>
    public Task StoreAsync(params Message[] messages) => databases.TransactAsync(
        async (db, token) =>
        {
            // The update locks the conversation's row: a deletion waits for it, or the update finds the row gone.
            var (id, tenantId, now) = (messages[0].ConversationId, messages[0].TenantId, time.GetStoredNow());
            var bytes = messages.Sum(message => ConversationLimits.BytesOf(message.Content));
            var touched = await db.ChatSessions.Where(session => session.Id == id && session.TenantId == tenantId)
                .ExecuteUpdateAsync(session => session.SetProperty(row => row.UpdatedAt, now).SetProperty(row => row.Bytes, row => row.Bytes + bytes), token);
            touched += await db.Rooms.Where(room => room.Id == id && room.TenantId == tenantId)
                .ExecuteUpdateAsync(room => room.SetProperty(row => row.UpdatedAt, now).SetProperty(row => row.Bytes, row => row.Bytes + bytes), token);
            if (touched > 0)
            {
                db.Messages.AddRange(messages);
            }
        },
        CancellationToken.None);

    private static void CopyHead(HttpResponse from, HttpResponse to)
    {
        to.StatusCode = from.StatusCode;
        foreach (var header in from.Headers)
        {
            to.Headers[header.Key] = header.Value;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The turn of request {RequestId} could not be stored.")]
    private partial void TurnNotStored(string requestId, Exception exception);
}
