using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Inference.Media;

/// <summary>Serves generated media to anyone who has a link. The link itself grants access, so that a browser can show the image.</summary>
internal static class MediaEndpoints
{
    public static void MapMedia(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(MediaLinks.Path + "{name}", Get).AllowAnonymous()
            .WithName("GetMedia").WithTags("Inference").WithSummary("A generated picture, by the link that the answer gave; for an hour.")
            .Produces(StatusCodes.Status200OK, contentType: "image/png");
        endpoints.MapMethods(MediaLinks.Path + "{name}", [HttpMethods.Head], Get).AllowAnonymous()
            .WithName("HeadMedia").WithTags("Inference").WithSummary("What is known of a generated picture: its type and length.");
    }

    private static async Task Get(
        string name, long? expires, string? signature, HttpContext context, MediaStore store, MediaLinks links, CancellationToken cancellationToken)
    {
        var left = links.Check(name, expires ?? 0, signature ?? "");
        await using var content = left is null || MediaType.OfName(name) is null ? null : await store.OpenAsync(name, cancellationToken);
        if (content is null)
        {
            await ErrorWriter.WriteAsync(context, new Problem(CoreErrors.NotFound, "There is no such object, or the link has expired."));
            return;
        }

        var response = context.Response;
        response.ContentType = MediaType.OfName(name)!.ContentType;
        response.ContentLength = content.Info.Length;
        response.Headers.CacheControl = string.Create(CultureInfo.InvariantCulture, $"private, max-age={(long)left!.Value.TotalSeconds}");

        // Keeps browsers from interpreting a model's output as a web page.
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        await response.StartAsync(cancellationToken);
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await content.Body.CopyToAsync(response.Body, cancellationToken);
        }
    }
}
