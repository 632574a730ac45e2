using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Idempotency;

/// <summary>Implements <c>Idempotency-Key</c> for writes: the first response is stored for a day and returned again, with a header that says so.</summary>
internal sealed partial class IdempotencyMiddleware(RequestDelegate next, IdempotencyStore store, TimeProvider time, ILogger<IdempotencyMiddleware> logger)
{
    private const string Header = "Idempotency-Key";
    private const string ReplayHeader = "Idempotency-Replayed";
    private const int MaxKeyLength = 255;

    // A larger body is buffered in a file.
    private const int MaxBodyInMemory = 1024 * 1024;

    /// <summary>How long a second call waits for the first one's response.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public Task InvokeAsync(HttpContext context)
    {
        var sent = context.Request.Headers[Header];
        if (sent.Count == 0 || context.Features.Get<Caller>() is not { } caller)
        {
            return next(context);
        }

        return sent is [{ Length: > 0 and <= MaxKeyLength } key]
            ? RunAsync(context, caller, key)
            : ErrorWriter.WriteAsync(context, Problem.Invalid(Header, $"must be one value of 1 to {MaxKeyLength} characters."));
    }

    private async Task RunAsync(HttpContext context, Caller caller, string key)
    {
        try
        {
            // Includes the API key: a response may contain data that another key of the same user, with fewer permissions, must not see.
            var id = Hex(SHA256.HashData(Encoding.UTF8.GetBytes($"{caller.TenantId}\n{caller.UserId}\n{caller.ApiKeyId}\n{key}")));
            var (claim, answer, problem) = await ClaimAsync(id, await FingerprintAsync(context.Request, context.RequestAborted), context.RequestAborted);
            await ((claim, answer) switch
            {
                ({ }, _) => CarryOutAsync(context, claim),
                (_, { }) => ReplayAsync(context, answer),
                _ => ErrorWriter.WriteAsync(context, problem!),
            });
        }
        catch (Exception exception) when (DatabaseAway.IsUnanswered(exception))
        {
            context.Features.GetRequiredFeature<AuditCall>().IsDatabaseAway = DatabaseAway.Is(exception);
            await ErrorWriter.WriteAsync(context, DatabaseAway.Problem);
        }
    }

    private async Task<(IdempotencyClaim? Claim, KeptAnswer? Answer, Problem? Problem)> ClaimAsync(
        string id, string fingerprint, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var outcome = await store.TryClaimAsync(id, fingerprint, cancellationToken);
            if (outcome.Problem != IdempotencyErrors.StillRunning || time.GetElapsedTime(started) > Patience)
            {
                return outcome;
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private async Task CarryOutAsync(HttpContext context, IdempotencyClaim claim)
    {
        var call = context.Features.GetRequiredFeature<AuditCall>();
        call.Claim = claim;

        // If the caller disconnects, the write continues, so that a retry gets its response.
        context.RequestAborted = CancellationToken.None;
        try
        {
            await next(context);
        }
        catch
        {
            await store.ReleaseAsync(claim);
            throw;
        }

        var status = context.Response.StatusCode;
        try
        {
            // An error that changed nothing and may not recur is not stored.
            if (!call.IsRecorded && status is StatusCodes.Status429TooManyRequests or >= StatusCodes.Status500InternalServerError)
            {
                await store.ReleaseAsync(claim);
                return;
            }

            var body = await context.Features.GetRequiredFeature<BufferedAnswer>().ReadAsync();
            await store.KeepAsync(claim, new KeptAnswer(status, context.Response.ContentType, context.Response.Headers.Location, body));
        }
        catch (Exception exception)
        {
            // The caller has the response; a retry is told that the write was carried out.
            AnswerNotKept(exception);
        }
    }

    private static async Task ReplayAsync(HttpContext context, KeptAnswer answer)
    {
        context.Features.GetRequiredFeature<AuditCall>().IsReplay = true;
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = answer.ContentType;
        context.Response.Headers[ReplayHeader] = "true";
        if (answer.Location is not null)
        {
            context.Response.Headers.Location = answer.Location;
        }

        if (answer.Body.Length > 0)
        {
            await context.Response.WriteAsync(answer.Body, context.RequestAborted);
        }
    }

    /// <summary>The fingerprint of the call: method, path, query and body.</summary>
    private static async Task<string> FingerprintAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        request.EnableBuffering(MaxBodyInMemory);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method} {request.GetEncodedPathAndQuery()}\n"));
        var buffer = new byte[16 * 1024];
        for (int read; (read = await request.Body.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
        }

        request.Body.Position = 0;
        return Hex(hash.GetHashAndReset());
    }

    private static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);

    [LoggerMessage(Level = LogLevel.Error, Message = "The response to a write with an Idempotency-Key could not be stored.")]
    private partial void AnswerNotKept(Exception exception);
}
