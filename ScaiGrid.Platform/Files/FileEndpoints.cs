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
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Files;

/// <summary>Files of the caller's user: inputs and results of batches.</summary>
internal static class FileEndpoints
{
    public static void MapFiles(this IEndpointRouteBuilder group, UploadOptions options)
    {
        group.MapPost("/files", Upload).RequirePermission(Permissions.UseModels).Audited("file.create", "file")
            .WithMetadata(new RequestSizeLimitAttribute(options.MaxBytes + (64 * 1024))).DisableAntiforgery()
            .WithName("UploadFile").WithSummary("Stores a file: multipart with file and purpose (batch).");
        group.MapGet("/files", List).RequirePermission(Permissions.UseModels)
            .WithName("ListFiles").WithSummary("The caller's files, newest first.");
        group.MapGet("/files/{id}", Get).RequirePermission(Permissions.UseModels)
            .WithName("GetFile").WithSummary("What is known of a file.");
        group.MapGet("/files/{id}/content", Content).RequirePermission(Permissions.UseModels)
            .WithName("GetFileContent").WithSummary("A file's bytes.");
        group.MapDelete("/files/{id}", Delete).RequirePermission(Permissions.UseModels).Audited("file.delete", "file")
            .WithName("DeleteFile").WithSummary("Removes a file.");
    }

    private static async Task<Created<Envelope<FileView>>> Upload(
        HttpRequest request, Caller caller, FileStore store, UploadOptions options, CancellationToken cancellationToken)
    {
        var file = await store.UploadAsync(request, caller, cancellationToken);
        return Reply.Created($"/v1/files/{file.Id}", FileView.Of(file, options));
    }

    private static async Task<Ok<PageEnvelope<FileView>>> List(
        [AsParameters] PageQuery query, Caller caller, PlatformDb db, UploadOptions options, CancellationToken cancellationToken)
    {
        var page = await db.ByIndex<StoredFile>("ix_files_user").AsNoTracking().Of(caller).NewestAsync(query, Ids.File, file => file.Id, cancellationToken);
        return page.As(row => FileView.Of(row, options));
    }

    private static async Task<Results<Ok<Envelope<FileView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, UploadOptions options, CancellationToken cancellationToken)
    {
        var row = await db.Files.AsNoTracking().Of(caller).SingleOrDefaultAsync(file => file.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(FileView.Of(row, options));
    }

    internal static async Task<Results<FileStreamHttpResult, ProblemResult>> Content(
        string id, Caller caller, PlatformDb db, IBlobStore blobs, HttpContext context, CancellationToken cancellationToken)
    {
        if (await db.Files.AsNoTracking().Of(caller).SingleOrDefaultAsync(file => file.Id == id, cancellationToken) is not { } row
            || await blobs.OpenAsync(row.BlobKey, range: null, cancellationToken) is not { } content)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        // Whatever its name, a browser must not treat an uploaded file as a page of ours.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentLength = content.Info.Length;
        return TypedResults.Stream(content.Body, "application/octet-stream", row.Filename);
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(string id, Caller caller, FileStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller, cancellationToken) ? TypedResults.NoContent() : Reply.Problem(CoreErrors.NotFound);
}

internal sealed record FileView(string Id, string Filename, string Purpose, long Bytes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt)
{
    public static FileView Of(StoredFile row, UploadOptions options) =>
        new(row.Id, row.Filename, row.Purpose, row.Bytes, row.CreatedAt, options.ExpiryOf(row.CreatedAt));
}
