using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>GET and HEAD of an object: conditions and single ranges as in RFC 9110; the bytes are streamed at the reader's pace.</summary>
internal static class BlobDownload
{
    private const int CopyBufferBytes = 128 * 1024;
    private const int Attempts = 3;

    public static async Task SendAsync(HttpContext context, IBlobStore store, string key)
    {
        var headers = context.Request.GetTypedHeaders();
        var conditional = headers.Range is not null || headers.IfNoneMatch.Count > 0;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // :: Step 1: check conditions and range; a plain read does not need this lookup
            BlobRange? range = null;
            if (conditional)
            {
                var info = await store.StatAsync(key, context.RequestAborted) ?? throw new ApiException(CoreErrors.NotFound);
                if (IsNotModified(headers, info))
                {
                    WriteHeaders(context.Response, info, StatusCodes.Status304NotModified, length: null);
                    return;
                }

                if (!ByteRanges.TryResolve(headers, info, out range))
                {
                    context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{info.Length}");
                    await ErrorWriter.WriteAsync(context, new Problem(CoreErrors.RangeNotSatisfiable));
                    return;
                }
            }

            // :: Step 2: open; null for a range means that the object has changed since step 1
            await using var content = await store.OpenAsync(key, range, context.RequestAborted);
            if (content is not null)
            {
                await SendAsync(context, content, range);
                return;
            }

            if (range is null)
            {
                throw new ApiException(CoreErrors.NotFound);
            }
        }

        throw new ApiException(CoreErrors.Unavailable, "The object is being replaced; try again.");
    }

    public static async Task SendHeadersAsync(HttpContext context, IBlobStore store, string key)
    {
        var info = await store.StatAsync(key, context.RequestAborted) ?? throw new ApiException(CoreErrors.NotFound);
        if (IsNotModified(context.Request.GetTypedHeaders(), info))
        {
            WriteHeaders(context.Response, info, StatusCodes.Status304NotModified, length: null);
        }
        else
        {
            WriteHeaders(context.Response, info, StatusCodes.Status200OK, info.Length);
        }
    }

    private static async Task SendAsync(HttpContext context, BlobContent content, BlobRange? range)
    {
        var response = context.Response;
        if (range is null)
        {
            WriteHeaders(response, content.Info, StatusCodes.Status200OK, content.Info.Length);
        }
        else
        {
            WriteHeaders(response, content.Info, StatusCodes.Status206PartialContent, range.Length);
            response.Headers.ContentRange = string.Create(
                CultureInfo.InvariantCulture,
                $"bytes {range.Offset}-{range.Offset + range.Length - 1}/{content.Info.Length}");
        }

        // A later failure breaks the connection: by the Content-Length the reader notices that bytes are missing.
        await response.StartAsync(context.RequestAborted);
        await content.Body.CopyToAsync(response.Body, CopyBufferBytes, context.RequestAborted);
    }

    private static void WriteHeaders(HttpResponse response, BlobInfo info, int status, long? length)
    {
        response.StatusCode = status;
        response.ContentLength = length;
        response.Headers.ETag = $"\"{info.ETag}\"";
        response.Headers.LastModified = HeaderUtilities.FormatDate(info.LastModified);
        response.Headers.AcceptRanges = "bytes";
        response.Headers.CacheControl = "private";
        if (length is not null)
        {
            response.ContentType = "application/octet-stream";
            response.Headers.XContentTypeOptions = "nosniff";
        }
    }

    private static bool IsNotModified(RequestHeaders headers, BlobInfo info)
    {
        var current = new EntityTagHeaderValue($"\"{info.ETag}\"");
        return headers.IfNoneMatch.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(current, useStrongComparison: false));
    }
}
