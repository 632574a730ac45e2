using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;

namespace ScaiGrid.Platform.Batch;

/// <summary>Batches of inference calls, visible to the user who created them.</summary>
internal static class BatchEndpoints
{
    private const int MaxBase64 = 14 * 1024 * 1024;
    private const int MaxInline = 10 * 1000 * 1000;
    private const string FileScheme = "scaigrid://file/";

    public static void MapBatches(this IEndpointRouteBuilder group)
    {
        group.MapPost("/inference/batch", Create).RequirePermission(Permissions.UseModels).Audited("batch.create", "batch")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBase64 + (64 * 1024)))
            .WithName("CreateBatch").WithSummary("Has the worker make the calls of a JSONL file.");
        group.MapGet("/inference/batch", List).RequirePermission(Permissions.UseModels)
            .WithName("ListBatches").WithSummary("The caller's batches, newest first.");
        group.MapGet("/inference/batch/{id}", Get).RequirePermission(Permissions.UseModels)
            .WithName("GetBatch").WithSummary("How far a batch is, and where its results are.");
        group.MapPost("/inference/batch/{id}/cancel", Cancel).RequirePermission(Permissions.UseModels).Audited("batch.cancel", "batch")
            .WithName("CancelBatch").WithSummary("Makes no further calls; what was answered is kept.");
    }

    private static async Task<Created<Envelope<BatchView>>> Create(
        CreateBatch body, Caller caller, AuditEntry audit, PlatformDb db, BatchStore store, FileStore files, BatchOptions options, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var window = BatchStore.Window(checks, "endpoint_completion_window", body.EndpointCompletionWindow);
        var metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? "{}";
        if (body.InputFileUrl is null == body.InputFileBase64 is null)
        {
            checks.Add("input_file_url", body.InputFileUrl is null ? "is required, or input_file_base64 instead." : "cannot be combined with input_file_base64: give one of the two.");
        }

        var fileId = await FileIdAsync(checks, body.InputFileUrl, caller, db, options, cancellationToken);
        var inline = Decode(checks, body.InputFileBase64);
        checks.ThrowIfAny();
        await BatchStore.ThrowIfFullAsync(db, caller, options, cancellationToken);
        var input = inline is null ? null : await files.WriteAsync(caller, "input.jsonl", FilePurpose.Batch, inline, cancellationToken);
        fileId = input?.Id ?? fileId;
        var row = await store.AddAsync(
            caller, audit, new NewBatch(BatchSurface.Native, Endpoint: null, window, fileId is null ? body.InputFileUrl : null, fileId, metadata), input, cancellationToken);
        return Reply.Created($"/v1/inference/batch/{row.Id}", BatchView.Of(row));
    }

    private static async Task<Ok<PageEnvelope<BatchView>>> List(
        [AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var page = await db.ByIndex<BatchRow>("ix_batches_user").AsNoTracking().Of(caller).NewestAsync(query, Ids.Batch, batch => batch.Id, cancellationToken);
        return page.As(BatchView.Of);
    }

    private static async Task<Results<Ok<Envelope<BatchView>>, ProblemResult>> Get(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.Batches.AsNoTracking().Of(caller).SingleOrDefaultAsync(batch => batch.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(BatchView.Of(row));
    }

    private static async Task<Ok<Envelope<BatchView>>> Cancel(string id, Caller caller, BatchStore store, CancellationToken cancellationToken) =>
        Reply.Ok(BatchView.Of(await store.CancelAsync(id, caller, cancellationToken)));

    /// <returns>The id of the file that the URL names; null if it is an external URL.</returns>
    private static async Task<string?> FileIdAsync(
        Checks checks, string? url, Caller caller, PlatformDb db, BatchOptions options, CancellationToken cancellationToken)
    {
        if (url is null)
        {
            return null;
        }

        if (url.StartsWith(FileScheme, StringComparison.Ordinal))
        {
            var id = url[FileScheme.Length..];
            if (!await db.Files.Of(caller).AnyAsync(file => file.Id == id, cancellationToken))
            {
                checks.Add("input_file_url", "is not a file of the caller.");
            }

            return id;
        }

        if (url.Length > 4000 || !Uri.TryCreate(url, UriKind.Absolute, out var parsed) || !InputFetcher.IsAllowed(parsed, options.BatchAllowPrivate))
        {
            checks.Add("input_file_url", "must be an https URL of a public address, or scaigrid://file/{file_id}.");
        }

        return null;
    }

    private static byte[]? Decode(Checks checks, string? base64)
    {
        if (base64 is null)
        {
            return null;
        }

        var bytes = new byte[base64.Length * 3L / 4 + 3];
        if (!Convert.TryFromBase64String(base64, bytes, out var written) || written > MaxInline)
        {
            checks.Add("input_file_base64", "must be base64 of at most 10 MB.");
            return null;
        }

        return bytes[..written];
    }
}
