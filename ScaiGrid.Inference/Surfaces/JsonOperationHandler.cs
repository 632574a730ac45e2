using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Runs an <see cref="IJsonOperation"/> for an HTTP request.</summary>
internal static class JsonOperationHandler
{
    /// <summary>Maps an operation to its path on one of the surfaces.</summary>
    public static RouteHandlerBuilder MapOperation<TOperation>(this IEndpointRouteBuilder endpoints, string path, string protocol)
        where TOperation : class, IJsonOperation =>
        endpoints.MapPost(path, (HttpContext context, TOperation operation, TimeProvider time) => RunAsync(context, operation, protocol, time))
            .RequirePermission(Permissions.UseModels);

    private static async Task RunAsync(HttpContext context, IJsonOperation operation, string protocol, TimeProvider time)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await RequestBody.ReadJsonAsync(context);
        using var answer = new PooledBytes();
        if (body is not null)
        {
            problem = await operation.RunAsync(body, Call(context, protocol, startedAt), answer, context.RequestAborted);
        }

        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
            return;
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = answer.Length;
        await context.Response.BodyWriter.WriteAsync(answer.Memory, context.RequestAborted);
    }

    public static CallContext Call(HttpContext context, string protocol, long startedAt) =>
        new(
            context.Features.GetRequiredFeature<Caller>(),
            context.TraceIdentifier,
            protocol,
            startedAt,
            $"{context.Request.Scheme}://{context.Request.Host}",
            limits => RateLimitHeaders.Write(context.Response.Headers, limits, protocol),
            attempt => RoutingHeaders.Set(context.Response, attempt));
}
