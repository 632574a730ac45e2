using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Around authentication, so that refusals are recorded too. The row of a write that succeeds is stored with it, by
/// <see cref="AuditInterceptor"/>; what is left for here are attempts that stored nothing.
/// </summary>
internal sealed partial class AuditMiddleware(
    RequestDelegate next, IDbContextFactory<PlatformDb> contexts, AuditChain chain, ClientAddress clients, ILogger<AuditMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var audited = context.GetEndpoint()!.Metadata.GetMetadata<AuditedAttribute>()!;
        var entry = new AuditEntry
        {
            Action = audited.Action,
            ResourceType = audited.ResourceType,
            RequestId = context.TraceIdentifier,
            IpAddress = clients.Of(context)?.ToString() ?? "",
            UserAgent = context.Request.Headers.UserAgent.ToString(),
        };
        var call = new AuditCall(context, entry);
        context.Features.Set(entry);
        context.Features.Set(call);

        // The caller sees the answer when the row is stored: what was answered has been recorded.
        await using var answer = BufferedAnswer.Begin(context);
        var failed = true;
        call.Begin();
        try
        {
            await next(context);
            failed = context.Response.StatusCode >= StatusCodes.Status400BadRequest || context.RequestAborted.IsCancellationRequested;
        }
        finally
        {
            AuditCall.End();
            await answer.EndAsync();
            if (!call.IsRecorded && !call.IsReplay)
            {
                await RecordAsync(call, failed ? AuditStatus.Failure : AuditStatus.Success);
            }
        }

        await answer.SendAsync(context.RequestAborted);
    }

    /// <summary>Whatever became of the caller: an attempt is recorded also when nobody waits for its answer.</summary>
    private async Task RecordAsync(AuditCall call, string status)
    {
        if (call.Caller is null && call.Entry.TenantId is null)
        {
            // A row belongs to a tenant. Strangers must not be able to make the database write.
            StrangerRefused(call.Entry.Action, call.Entry.IpAddress);
            return;
        }

        if (call.IsDatabaseAway)
        {
            RowLost(call.Entry.Action, status, exception: null);
            return;
        }

        try
        {
            await contexts.TransactAsync(
                (db, token) => chain.AppendAsync(db.Database.CurrentTransaction!.GetDbTransaction(), call, changes: null, status, token),
                CancellationToken.None);
        }
        catch (Exception exception)
        {
            // Nothing was changed, or its row would have been stored with it: the answer stands.
            RowLost(call.Entry.Action, status, exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Action} was refused to a caller without credentials ({Address}).")]
    private partial void StrangerRefused(string action, string address);

    [LoggerMessage(Level = LogLevel.Error, Message = "The audit row of {Action} ({Status}), which changed nothing, could not be stored.")]
    private partial void RowLost(string action, string status, Exception? exception);
}
