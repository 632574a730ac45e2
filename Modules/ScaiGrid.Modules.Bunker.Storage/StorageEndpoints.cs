using System.Buffers.Text;
using System.Text;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>The storage proxy: serves objects of the blob store. Each request is authorized by the capability that it carries.</summary>
public static class StorageEndpoints
{
    /// <summary>The longest time without a byte of an object that is being stored.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(30);

    /// <param name="group">Rooted at <c>/v1/modules/scaibunker/storage</c>.</param>
    public static void MapStorage(this RouteGroupBuilder group)
    {
        // Anonymous for the host: each handler checks the capability, whose bearer, a worker, is not a user.
        // Minting the capability is audited instead; mode bunker_proxy has no database for a row per blob.
        var storage = group.AllowAnonymous().NotAudited("Data that the bearer of a capability moves; minting the capability is what is audited.");
        storage.MapGet("/", List).WithSummary("List objects under a prefix");
        storage.MapGet("/{**key}", Get).WithSummary("Read an object or a range of it");
        storage.MapMethods("/{**key}", [HttpMethods.Head], Head).WithSummary("Read what is known of an object");
        storage.MapPut("/{**key}", Put).WithSummary("Store an object");
        storage.MapDelete("/{**key}", Delete).WithSummary("Delete an object");
    }

    private static Task Get(string key, HttpContext context, StorageAccess access, IBlobStore store)
    {
        access.Authorize(context, StorageMethods.Get, key);
        return BlobDownload.SendAsync(context, store, key);
    }

    private static Task Head(string key, HttpContext context, StorageAccess access, IBlobStore store)
    {
        access.Authorize(context, StorageMethods.Head, key);
        return BlobDownload.SendHeadersAsync(context, store, key);
    }

    private static async Task<Results<Ok<Envelope<StoredObject>>, Created<Envelope<StoredObject>>>> Put(
        string key, HttpContext context, StorageAccess access, IBlobStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        var capability = access.Authorize(context, StorageMethods.Put, key);
        if (context.Request.ContentLength > capability.MaxBytes)
        {
            throw LimitedBody.TooLarge(capability.MaxBytes);
        }

        // The capability alone limits the size.
        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null;
        Stream sent = new PatientBody(context.Request.BodyReader, IdleTimeout, time);
        var received = capability.MaxBytes is { } max ? new LimitedBody(sent, max) : sent;
        using var body = BodyChecksum.Verify(context.Request, received);

        // Before reading the body: a client that waits for '100 Continue' learns that the store is unavailable without sending the body.
        var existing = await store.StatAsync(key, cancellationToken);
        var stored = StoredObject.From(await store.WriteAsync(key, body, cancellationToken));
        context.Response.Headers.ETag = $"\"{stored.ETag}\"";
        return existing is null ? Reply.Created(context.Request.PathBase + context.Request.Path, stored) : Reply.Ok(stored);
    }

    /// <summary>As in S3, deleting an object that does not exist succeeds, so that a delete can be retried.</summary>
    private static async Task<NoContent> Delete(string key, HttpContext context, StorageAccess access, IBlobStore store, CancellationToken cancellationToken)
    {
        access.Authorize(context, StorageMethods.Delete, key);
        await store.DeleteAsync(key, cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<PageEnvelope<StoredObject>>> List(
        string? prefix, [AsParameters] PageQuery query, HttpContext context, StorageAccess access, IBlobStore store, CancellationToken cancellationToken)
    {
        var capability = access.Authorize(context, StorageMethods.List);
        var within = prefix ?? capability.Target;
        if (!capability.Covers(within))
        {
            throw StorageAccess.Denied("The capability is for another prefix.");
        }

        var page = await store.ListAsync(within, DecodeCursor(query.Cursor), query.Take(), cancellationToken);
        var next = page is { HasMore: true, Items: [.., var last] } ? Cursor.Encode(last.Key) : null;
        return Reply.Page([.. page.Items.Select(StoredObject.From)], next);
    }

    private static string? DecodeCursor(string? cursor) =>
        string.IsNullOrEmpty(cursor) ? null
        : Base64Url.IsValid(cursor) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor)) is var key && BlobKey.IsValid(key) ? key
        : throw new ApiException(Problem.Invalid("cursor", "is not a cursor of this list."));
}

/// <summary>An object in responses.</summary>
internal sealed record StoredObject(string Key, long Size, [property: JsonPropertyName("etag")] string ETag, DateTimeOffset LastModified)
{
    public static StoredObject From(BlobInfo blob) => new(blob.Key, blob.Length, blob.ETag, blob.LastModified);
}
