using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Net.Http.Headers;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Models' pictures: PNG, JPEG, GIF or WebP, recognised by content. SVG is not accepted, because it may contain scripts. Public, so that web pages
/// can show them.
/// </summary>
internal static class AvatarHandlers
{
    public const int MaxBytes = 256 * 1024;

    /// <summary>Accepts the image as the body, or as the first file of a form.</summary>
    public static async Task<Results<Ok<Envelope<AvatarView>>, ProblemResult>> Put(
        string model, HttpRequest request, Caller caller, AuditEntry audit, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await db.Models.ManagedBy(caller).Named(model).Select(row => row.Id).SingleOrDefaultAsync(cancellationToken) is not { } id)
        {
            return Reply.Problem(InferenceErrors.ModelNotFound);
        }

        audit.ResourceId = id;
        var bytes = await ReadAsync(request, cancellationToken);
        if (bytes.Length > MaxBytes)
        {
            return Reply.Problem(CoreErrors.PayloadTooLarge, $"An avatar has at most {MaxBytes / 1024} KiB.");
        }

        if (TypeOf(bytes) is not { } type)
        {
            return Reply.Problem(CoreErrors.UnsupportedMediaType, "An avatar is a PNG, JPEG, GIF or WebP image.");
        }

        var (hash, content, now) = (Convert.ToHexStringLower(SHA256.HashData(bytes)), Convert.ToBase64String(bytes), time.GetStoredNow());
        if (await db.ModelAvatars.SingleOrDefaultAsync(avatar => avatar.ModelId == id, cancellationToken) is { } row)
        {
            (row.ContentType, row.Content, row.Hash, row.UpdatedAt) = (type, content, hash, now);
        }
        else
        {
            db.ModelAvatars.Add(new ModelAvatar { ModelId = id, ContentType = type, Content = content, Hash = hash, UpdatedAt = now });
        }

        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.AvatarChanged, referenced: InferenceErrors.ModelNotFound);
        return Reply.Ok(new AvatarView(id, type, bytes.Length, $"/v1/models/{id}/avatar"));
    }

    public static async Task<Results<FileContentHttpResult, ProblemResult>> Get(
        string model, HttpResponse response, PlatformDb db, CancellationToken cancellationToken)
    {
        // The slug of a tenant's model can be guessed, its id cannot: by slug, only public models are found.
        var name = ModelSlug.Decode(model);
        var avatar = await db.Models.AsNoTracking().Named(model)
            .Where(row => row.Id == name || (row.TenantId == null && row.PartnerId == null))
            .Join(db.ModelAvatars, row => row.Id, avatar => avatar.ModelId, (_, avatar) => avatar)
            .SingleOrDefaultAsync(cancellationToken);
        if (avatar is null)
        {
            return Reply.Problem(CoreErrors.NotFound, "The model has no avatar.");
        }

        var headers = response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        headers.CacheControl = "public, max-age=300";
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        return TypedResults.File(
            Convert.FromBase64String(avatar.Content), avatar.ContentType, lastModified: avatar.UpdatedAt, entityTag: new EntityTagHeaderValue($"\"{avatar.Hash}\""));
    }

    public static async Task<Results<NoContent, ProblemResult>> Delete(
        string model, Caller caller, AuditEntry audit, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await db.Models.ManagedBy(caller).Named(model).Select(row => row.Id).SingleOrDefaultAsync(cancellationToken) is not { } id)
        {
            return Reply.Problem(InferenceErrors.ModelNotFound);
        }

        audit.ResourceId = id;
        if (await db.ModelAvatars.SingleOrDefaultAsync(avatar => avatar.ModelId == id, cancellationToken) is { } row)
        {
            db.ModelAvatars.Remove(row);
            await db.SaveChangesAsync(cancellationToken);
        }

        return TypedResults.NoContent();
    }

    private static async Task<byte[]> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.HasFormContentType)
        {
            var file = (await Forms.ReadAsync(() => request.ReadFormAsync(cancellationToken))).Files is [var first, ..] ? first : null;
            return file is null ? [] : await ReadAsync(file.OpenReadStream(), cancellationToken);
        }

        return await ReadAsync(request.Body, cancellationToken);
    }

    /// <returns>At most one byte more than allowed.</returns>
    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxBytes + 1];
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return buffer[..length];
    }

    private static string? TypeOf(ReadOnlySpan<byte> bytes) => bytes switch
    {
        _ when bytes.StartsWith(Png) => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        _ when bytes.StartsWith("GIF87a"u8) || bytes.StartsWith("GIF89a"u8) => "image/gif",
        _ when bytes.Length > 12 && bytes.StartsWith("RIFF"u8) && bytes[8..12].SequenceEqual("WEBP"u8) => "image/webp",
        _ => null,
    };

    private static ReadOnlySpan<byte> Png => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
}

/// <param name="ModelId">The picture's model.</param>
/// <param name="ContentType">The type recognised by its content.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Url">Its public URL.</param>
internal sealed record AvatarView(string ModelId, string ContentType, int Bytes, string Url);
