using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Runs an <see cref="IJsonOperation"/> for an HTTP request.</summary>
internal static class JsonOperationHandler
{
    /// <summary>Maps an operation to its path on one of the surfaces.</summary>
    public static RouteHandlerBuilder MapOperation<TOperation>(this IEndpointRouteBuilder endpoints, string path, string protocol)
        where TOperation : class, IJsonOperation
    {
        var operation = endpoints.ServiceProvider.GetRequiredService<TOperation>();
        var bodies = endpoints.ServiceProvider.GetRequiredService<RequestBodies>();
        var time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        return endpoints.MapCall(path, context => RunAsync(context, bodies, operation, protocol, time));
    }

    /// <summary>
    /// Maps a call of a model. Its services are resolved once at start: a handler with service parameters would create and dispose a DI scope
    /// for each request.
    /// </summary>
    public static RouteHandlerBuilder MapCall(this IEndpointRouteBuilder endpoints, string path, Func<HttpContext, Task> run) =>
        endpoints.MapPost(path, run).RequirePermission(Permissions.UseModels)
            .WithMetadata(new CallsModelAttribute(), endpoints.ServiceProvider.GetRequiredService<RefusedCalls>());

    private static async Task RunAsync(HttpContext context, RequestBodies bodies, IJsonOperation operation, string protocol, TimeProvider time)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await bodies.ReadJsonAsync(context);
        using var answer = new PooledBytes();
        if (body is not null)
        {
            problem = await operation.RunAsync(
                body,
                HttpCallContext.Of(context, protocol, startedAt) with { Origin = $"{context.Request.Scheme}://{context.Request.Host}" },
                answer,
                context.RequestAborted);
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
}
