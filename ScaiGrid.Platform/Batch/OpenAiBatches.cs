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
using ScaiGrid.Platform.Files;

namespace ScaiGrid.Platform.Batch;

/// <summary>Batches in OpenAI's form, for its client libraries.</summary>
internal static class OpenAiBatches
{
    public static void MapOpenAiBatches(this IEndpointRouteBuilder group)
    {
        group.MapPost("/batches", Create).RequirePermission(Permissions.UseModels).Audited("batch.create", "batch")
            .WithName("CreateOpenAiBatch").WithSummary("Has the worker make the calls of an uploaded file.");
        group.MapGet("/batches", List).RequirePermission(Permissions.UseModels).WithName("ListOpenAiBatches").WithSummary("The caller's batches.");
        group.MapGet("/batches/{id}", Get).RequirePermission(Permissions.UseModels).WithName("GetOpenAiBatch").WithSummary("How far a batch is.");
        group.MapPost("/batches/{id}/cancel", Cancel).RequirePermission(Permissions.UseModels).Audited("batch.cancel", "batch")
            .WithName("CancelOpenAiBatch").WithSummary("Makes no further calls.");
    }

    private static async Task<Ok<OpenAiBatch>> Create(
        CreateOpenAiBatch body, Caller caller, AuditEntry audit, PlatformDb db, BatchStore store, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var fileId = checks.Required("input_file_id", body.InputFileId, 100);
        var endpoint = checks.Required("endpoint", body.Endpoint, 100);
        if (endpoint.Length > 0 && !BatchLine.PathsOf(BatchSurface.OpenAi).Contains(endpoint))
        {
            checks.Add("endpoint", $"must be one of {string.Join(", ", BatchLine.PathsOf(BatchSurface.OpenAi))}.");
        }

        var window = BatchStore.Window(checks, "completion_window", checks.Required("completion_window", body.CompletionWindow, 20));
        var metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? "{}";
        if (fileId.Length > 0 && !await db.Files.Of(caller).AnyAsync(file => file.Id == fileId, cancellationToken))
        {
            checks.Add("input_file_id", "is not a file of the caller.");
        }

        checks.ThrowIfAny();
        var row = await store.AddAsync(
            caller, audit, new NewBatch(BatchSurface.OpenAi, endpoint, window, InputUrl: null, fileId, metadata), input: null, cancellationToken);
        return TypedResults.Ok(OpenAiBatch.Of(row));
    }

    private static async Task<Ok<OpenAiList<OpenAiBatch>>> List([AsParameters] OpenAiPageQuery page, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var (take, after) = (page.Take(defaultLimit: 20, max: 100), page.AfterId(Ids.Batch));
        var rows = await db.ByIndex<BatchRow>("ix_batches_user").AsNoTracking().Of(caller)
            .Where(batch => after == null || string.Compare(batch.Id, after) < 0)
            .OrderByDescending(batch => batch.Id)
            .Take(take + 1)
            .ToListAsync(cancellationToken);
        return TypedResults.Ok(OpenAiList<OpenAiBatch>.Of(rows.ConvertAll(OpenAiBatch.Of), take, batch => batch.Id));
    }

    private static async Task<Results<Ok<OpenAiBatch>, ProblemResult>> Get(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.Batches.AsNoTracking().Of(caller).SingleOrDefaultAsync(batch => batch.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : TypedResults.Ok(OpenAiBatch.Of(row));
    }

    private static async Task<Ok<OpenAiBatch>> Cancel(string id, Caller caller, BatchStore store, CancellationToken cancellationToken) =>
        TypedResults.Ok(OpenAiBatch.Of(await store.CancelAsync(id, caller, cancellationToken)));
}
