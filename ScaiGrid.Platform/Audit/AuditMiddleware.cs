using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Records audited calls that stored nothing: refused and failed attempts. Runs around authentication, so that its refusals are recorded as
/// well. The row of a successful write is stored together with it, by <see cref="AuditInterceptor"/>.
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

        // The response is held back until the row is stored: a caller who has a response has been recorded.
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

    /// <summary>Not cancelled when the caller disconnects: the attempt is recorded anyway.</summary>
    private async Task RecordAsync(AuditCall call, string status)
    {
        if (call.Caller is null && call.Entry.TenantId is null)
        {
            // A row belongs to a tenant. Neither calls without credentials nor calls beyond a rate limit may cause database writes.
            if (status == AuditStatus.Failure)
            {
                RefusedUnrecorded(call.Entry.Action, call.Entry.IpAddress);
            }

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
            // Nothing was changed (otherwise its row would have been stored with it), so the response is sent.
            RowLost(call.Entry.Action, status, exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Action} was refused to a caller without credentials, or beyond the limit of calls ({Address}).")]
    private partial void RefusedUnrecorded(string action, string address);

    [LoggerMessage(Level = LogLevel.Error, Message = "The audit row of {Action} ({Status}), which changed nothing, could not be stored.")]
    private partial void RowLost(string action, string status, Exception? exception);
}
