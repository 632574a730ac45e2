using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Creates the <see cref="CallContext"/> of an HTTP request; limits and routing go into the response's headers.</summary>
internal static class HttpCallContext
{
    /// <param name="context">The request.</param>
    /// <param name="protocol">One of <see cref="Protocols"/>.</param>
    /// <param name="startedAt">Timestamp at which the request was accepted.</param>
    public static CallContext Of(HttpContext context, string protocol, long startedAt) =>
        new(
            context.Features.GetRequiredFeature<Caller>(),
            context.TraceIdentifier,
            protocol,
            startedAt,
            ShowLimits: limits => RateLimitHeaders.Write(context.Response.Headers, limits, protocol),
            ShowRouting: call => RoutingHeaders.Set(context.Response, call));
}
