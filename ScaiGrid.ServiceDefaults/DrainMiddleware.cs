using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ScaiGrid.ServiceDefaults;

/// <summary>Counts requests in flight, and refuses new ones while the process drains.</summary>
public static class DrainMiddleware
{
    /// <summary>By this header a proxy declares that it can send the request to another replica; see deploy/nginx.conf.</summary>
    private const string RetryHeader = "X-Drain-Retry";

    /// <param name="app">The pipeline; call this before anything that does work, so that all of it is counted.</param>
    /// <param name="reject">Answers a request that arrives while draining, in the surface's error format.</param>
    public static IApplicationBuilder UseDraining(this IApplicationBuilder app, RequestDelegate reject)
    {
        var drain = app.ApplicationServices.GetRequiredService<DrainState>();
        return app.Use(next => context =>
        {
            if (IsProbe(context.Request.Path))
            {
                return next(context);
            }

            return drain.TryEnter() ? RunAsync(next, context, drain) : RejectAsync(reject, context);
        });
    }

    // Probes must reach a draining process. Streams that anyone may hold open (a health watch, reflection) must not delay the end of the
    // drain.
    internal static bool IsProbe(PathString path) =>
        path.StartsWithSegments("/health") || path.StartsWithSegments("/metrics") || path.StartsWithSegments("/grpc.health.v1.Health")
        || path.StartsWithSegments("/grpc.reflection.v1.ServerReflection") || path.StartsWithSegments("/grpc.reflection.v1alpha.ServerReflection");

    private static async Task RunAsync(RequestDelegate next, HttpContext context, DrainState drain)
    {
        try
        {
            await next(context);
        }
        finally
        {
            drain.Exit();
        }
    }

    private static Task RejectAsync(RequestDelegate reject, HttpContext context)
    {
        // The caller's next request should reach another replica.
        if (!HttpProtocol.IsHttp2(context.Request.Protocol) && !HttpProtocol.IsHttp3(context.Request.Protocol))
        {
            context.Response.Headers.Connection = "close";
        }

        // nginx does not repeat a POST by itself, because it cannot know that nothing was done. The location's name is fixed: a value from the
        // request would give callers access to the proxy's internal locations.
        if (context.Request.Headers.ContainsKey(RetryHeader))
        {
            context.Response.Headers["X-Accel-Redirect"] = "@draining";
        }

        return reject(context);
    }
}
