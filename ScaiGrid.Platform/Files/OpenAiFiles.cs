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

namespace ScaiGrid.Platform.Files;

/// <summary>The same files in OpenAI's form.</summary>
internal static class OpenAiFiles
{
    public static void MapOpenAiFiles(this IEndpointRouteBuilder group, UploadOptions options)
    {
        group.MapPost("/files", Upload).RequirePermission(Permissions.UseModels).Audited("file.create", "file")
            .WithMetadata(new RequestSizeLimitAttribute(options.MaxBytes + (64 * 1024))).DisableAntiforgery()
            .WithName("CreateOpenAiFile").WithSummary("Stores a file.");
        group.MapGet("/files", List).RequirePermission(Permissions.UseModels).WithName("ListOpenAiFiles").WithSummary("The caller's files.");
        group.MapGet("/files/{id}", Get).RequirePermission(Permissions.UseModels).WithName("GetOpenAiFile").WithSummary("What is known of a file.");
        group.MapGet("/files/{id}/content", FileEndpoints.Content).RequirePermission(Permissions.UseModels)
            .WithName("GetOpenAiFileContent").WithSummary("A file's bytes.");
        group.MapDelete("/files/{id}", Delete).RequirePermission(Permissions.UseModels).Audited("file.delete", "file")
            .WithName("DeleteOpenAiFile").WithSummary("Removes a file.");
    }

    private static async Task<Ok<OpenAiFile>> Upload(
        HttpRequest request, Caller caller, FileStore store, UploadOptions options, CancellationToken cancellationToken) =>
        TypedResults.Ok(OpenAiFile.Of(await store.UploadAsync(request, caller, cancellationToken), options));

    private static async Task<Ok<OpenAiList<OpenAiFile>>> List(
        [AsParameters] OpenAiPageQuery page, Caller caller, PlatformDb db, UploadOptions options, CancellationToken cancellationToken)
    {
        var (take, after) = (page.Take(defaultLimit: 1000), page.AfterId(Ids.File));
        var rows = await db.ByIndex<StoredFile>("ix_files_user").AsNoTracking().Of(caller)
            .Where(file => after == null || string.Compare(file.Id, after) < 0)
            .OrderByDescending(file => file.Id)
            .Take(take + 1)
            .ToListAsync(cancellationToken);
        return TypedResults.Ok(OpenAiList<OpenAiFile>.Of(rows.ConvertAll(row => OpenAiFile.Of(row, options)), take, file => file.Id));
    }

    private static async Task<Results<Ok<OpenAiFile>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, UploadOptions options, CancellationToken cancellationToken)
    {
        var row = await db.Files.AsNoTracking().Of(caller).SingleOrDefaultAsync(file => file.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : TypedResults.Ok(OpenAiFile.Of(row, options));
    }

    private static async Task<Results<Ok<OpenAiDeleted>, ProblemResult>> Delete(string id, Caller caller, FileStore store, CancellationToken cancellationToken) =>
        await store.DeleteAsync(id, caller, cancellationToken) ? TypedResults.Ok(new OpenAiDeleted(id, "file", Deleted: true)) : Reply.Problem(CoreErrors.NotFound);
}

internal sealed record OpenAiFile(
    string Id, string Object, long Bytes, long CreatedAt, long? ExpiresAt, string Filename, string Purpose, string Status)
{
    public static OpenAiFile Of(StoredFile row, UploadOptions options) => new(
        row.Id, "file", row.Bytes, row.CreatedAt.ToUnixTimeSeconds(), options.ExpiryOf(row.CreatedAt)?.ToUnixTimeSeconds(), row.Filename, row.Purpose, "processed");
}

internal sealed record OpenAiDeleted(string Id, string Object, bool Deleted);
