using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Files;

/// <summary>Stores users' files: rows in the database, bytes in the blob store. Uploads are streamed.</summary>
internal sealed partial class FileStore(
    IDbContextFactory<PlatformDb> databases, IBlobStore blobs, UploadOptions options, InferenceOptions calls, TimeProvider time, ILogger<FileStore> logger)
{
    private const int FilenameLength = 255;
    private const int FieldLength = 200;

    /// <summary>Reads a multipart body with <c>file</c> and <c>purpose</c>.</summary>
    public async Task<StoredFile> UploadAsync(HttpRequest request, Caller caller, CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
        {
            throw new ApiException(new Problem(CoreErrors.UnsupportedMediaType, "Send multipart/form-data with the fields file and purpose."));
        }

        await ThrowIfFullAsync(caller.TenantId, bytes: 1, cancellationToken);
        var id = Ids.New(Ids.File, time);
        var key = StoredFile.KeyOf(caller.TenantId, id);
        var isWanted = false;
        try
        {
            var body = new PatientBody(request.BodyReader, calls.RequestIdleTimeout, time);
            var (filename, bytes, purpose) = await ReadAsync(new MultipartReader(boundary, body), key, cancellationToken);
            var checks = new Checks();
            if (filename is null)
            {
                checks.Add("file", "is required.");
            }

            checks.Text("file", filename, FilenameLength);
            checks.RequiredOneOf("purpose", purpose, FilePurpose.Batch);
            checks.ThrowIfAny();
            var file = New(id, caller.TenantId, caller.UserId, filename!, FilePurpose.Batch, bytes);
            await databases.TransactAsync((db, token) => AddAsync(db, file, token), cancellationToken);
            isWanted = true;
            return file;
        }
        catch (CommitUnknownException)
        {
            // The row may be stored. If it is not, the sweep removes the bytes.
            isWanted = true;
            throw;
        }
        finally
        {
            if (!isWanted)
            {
                // Not the caller's token, which is often already cancelled.
                await blobs.DeleteAsync(key, CancellationToken.None);
            }
        }
    }

    /// <summary>Stores bytes as a file of the caller, except for its row, which the calling code adds together with what refers to it.</summary>
    public async Task<StoredFile> WriteAsync(Caller caller, string filename, string purpose, byte[] bytes, CancellationToken cancellationToken)
    {
        await ThrowIfFullAsync(caller.TenantId, bytes.Length, cancellationToken);
        var id = Ids.New(Ids.File, time);
        using var body = new MemoryStream(bytes);
        await using var bounded = new BoundedBody(body, options.MaxBytes);
        await blobs.WriteAsync(StoredFile.KeyOf(caller.TenantId, id), bounded, cancellationToken);
        return New(id, caller.TenantId, caller.UserId, filename, purpose, bounded.BytesRead);
    }

    /// <summary>Adds a file's row, unless the tenant has no room for it. Counts under a lock, so that uploads made at once do not pass the limit together.</summary>
    public async Task AddAsync(PlatformDb db, StoredFile file, CancellationToken cancellationToken)
    {
        if (IsLimited)
        {
            await db.TakeLockAsync($"files/{file.TenantId}", cancellationToken);
            await ThrowIfFullAsync(db, file.TenantId, file.Bytes, cancellationToken);
        }

        db.Files.Add(file);
    }

    /// <summary>Refuses a file before its bytes are stored.</summary>
    public async Task ThrowIfFullAsync(string tenantId, long bytes, CancellationToken cancellationToken)
    {
        if (IsLimited)
        {
            await using var db = await databases.CreateDbContextAsync(cancellationToken);
            await ThrowIfFullAsync(db, tenantId, bytes, cancellationToken);
        }
    }

    public StoredFile New(string id, string tenantId, string userId, string filename, string purpose, long bytes) => new()
    {
        Id = id,
        TenantId = tenantId,
        UserId = userId,
        Filename = filename,
        Purpose = purpose,
        Bytes = bytes,
        BlobKey = StoredFile.KeyOf(tenantId, id),
        CreatedAt = time.GetStoredNow(),
    };

    /// <summary>
    /// Deletes the bytes first: while the store is unavailable nothing is deleted, and the user can retry. Bytes without a row could not be found.
    /// </summary>
    public async Task<bool> DeleteAsync(string id, Caller caller, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        if (await db.Files.Of(caller).AsNoTracking().SingleOrDefaultAsync(file => file.Id == id, cancellationToken) is not { } row)
        {
            return false;
        }

        await DeleteAsync(row, cancellationToken);
        return true;
    }

    /// <summary>Deletes files that were created before a time, oldest first. One that cannot be deleted is left for the next run.</summary>
    /// <param name="before">The time.</param>
    /// <param name="after">The last id of the previous call; empty at first.</param>
    /// <param name="most">How many files to look at.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    /// <returns>How many were deleted, and the last id; null if no more files follow.</returns>
    public async Task<(int Deleted, string? Last)> DeleteOlderAsync(DateTimeOffset before, string after, int most, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);

        // Ids begin with their creation time (for a batch's results with the batch's), so the primary key serves as index.
        var bound = $"{Ids.File}_{Ulid.NewUlid(before, new byte[10])}";
        var old = await db.Files.AsNoTracking()
            .Where(file => string.Compare(file.Id, after) > 0 && string.Compare(file.Id, bound) < 0 && file.CreatedAt < before)
            .OrderBy(file => file.Id).Take(most).ToListAsync(cancellationToken);
        var deleted = 0;
        foreach (var file in old)
        {
            try
            {
                await DeleteAsync(file, cancellationToken);
                deleted++;
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested && !DatabaseAway.Is(exception))
            {
                FileKept(exception, file.Id);
            }
        }

        return (deleted, old.Count == most ? old[^1].Id : null);
    }

    private async Task DeleteAsync(StoredFile file, CancellationToken cancellationToken)
    {
        await blobs.DeleteAsync(file.BlobKey, cancellationToken);
        await databases.TransactAsync((unit, token) => unit.Files.Where(row => row.Id == file.Id).ExecuteDeleteAsync(token), cancellationToken);
    }

    private bool IsLimited => options.FilesPerTenant > 0 || options.FileMbPerTenant > 0;

    private async Task ThrowIfFullAsync(PlatformDb db, string tenantId, long bytes, CancellationToken cancellationToken)
    {
        var held = await db.Files.Where(file => file.TenantId == tenantId).GroupBy(file => file.TenantId)
            .Select(files => new { Count = files.Count(), Bytes = files.Sum(file => file.Bytes) }).SingleOrDefaultAsync(cancellationToken);
        if (options.FilesPerTenant > 0 && held?.Count >= options.FilesPerTenant)
        {
            throw new ApiException(FileErrors.TooMany(options.FilesPerTenant));
        }

        if (options.FileMbPerTenant > 0 && (held?.Bytes ?? 0) + bytes > options.BytesPerTenant)
        {
            throw new ApiException(FileErrors.TooLarge(options.FileMbPerTenant));
        }
    }

    private async Task<(string? Filename, long Bytes, string? Purpose)> ReadAsync(MultipartReader reader, string key, CancellationToken cancellationToken)
    {
        string? filename = null;
        string? purpose = null;
        long bytes = 0;
        while (await Forms.NextAsync(reader, cancellationToken) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition))
            {
                continue;
            }

            var name = HeaderUtilities.RemoveQuotes(disposition.Name).Value;
            if (name == "file" && filename is null)
            {
                // Names come from other systems, and callers seldom choose them.
                var given = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value;
                filename = PlainText.Line(given ?? "") ?? "file";
                await using var bounded = new BoundedBody(Forms.BodyOf(section), options.MaxBytes);
                await blobs.WriteAsync(key, bounded, cancellationToken);
                bytes = bounded.BytesRead;
            }
            else if (name == "purpose")
            {
                await using var bounded = new BoundedBody(Forms.BodyOf(section), FieldLength);
                using var text = new StreamReader(bounded);
                purpose = await text.ReadToEndAsync(cancellationToken);
            }
        }

        return (filename, bytes, purpose);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The old file {FileId} cannot be deleted.")]
    private partial void FileKept(Exception exception, string fileId);
}

internal static class OwnFiles
{
    /// <summary>Restricts files to those of the caller's user.</summary>
    public static IQueryable<StoredFile> Of(this IQueryable<StoredFile> files, Caller caller) =>
        files.Where(file => file.TenantId == caller.TenantId && file.UserId == caller.UserId);
}
