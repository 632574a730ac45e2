using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Authenticates and authorizes calls of endpoints. Fails closed: an endpoint with neither <c>AllowAnonymous</c> nor required permissions refuses
/// all calls.
/// </summary>
internal sealed class ApiKeyAuthentication(
    RequestDelegate next,
    CallerResolver callers,
    AddressLimiter addresses,
    ControlPlaneLimiter control,
    ClientAddress client,
    ILogger<ApiKeyAuthentication> logger)
{
    private static readonly PathString Api = new("/v1");
    private static readonly Problem Denied = new(CoreErrors.PermissionDenied);

    public async Task InvokeAsync(HttpContext context)
    {
        // Only routes are guarded: if none matches, the framework itself answers 404, 405 or 415, the latter two by endpoints of its own.
        Caller? caller = null;
        if (context.GetEndpoint() is RouteEndpoint endpoint && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null)
        {
            if (endpoint.Metadata.GetMetadata<AccessAttribute>() is not { } access)
            {
                await ErrorWriter.WriteAsync(context, Denied);
                return;
            }

            var resolution = await callers.ResolveAsync(context.Request.Headers.Authorization, context.RequestAborted);
            if (!resolution.Is(out caller, out var problem))
            {
                var isStranger = problem.Error.Status == StatusCodes.Status401Unauthorized;
                await ErrorWriter.WriteAsync(context, (isStranger ? await LimitStrangerAsync(context) : null) ?? problem);
                return;
            }

            // Before the caller is set: a call beyond the limit leaves no audit row, so that no caller can create any number of rows.
            var admission = await control.AdmitAsync(caller, endpoint.Metadata.GetMetadata<CallsModelAttribute>());
            if (admission.Problem is not null)
            {
                RateLimitHeaders.Write(context.Response.Headers, admission.Limits);
                await ErrorWriter.WriteAsync(context, admission.Problem);
                return;
            }

            // Set before the permission check, so that the audit log records who was refused.
            context.Features.Set(caller);
            if (!access.Admits(caller))
            {
                await ErrorWriter.WriteAsync(context, access.Refusal);
                return;
            }
        }
        else if (context.GetEndpoint() is RouteEndpoint && context.Request.Path.StartsWithSegments(Api, StringComparison.OrdinalIgnoreCase)
            && context.GetEndpoint()!.Metadata.GetMetadata<CountsStrangers>() is null
            && await LimitStrangerAsync(context) is { } limited)
        {
            // Health checks and documents are not limited; calls of the API without credentials are limited by address.
            await ErrorWriter.WriteAsync(context, limited);
            return;
        }

        using (logger.BeginScope(new CallScope(context.TraceIdentifier, caller)))
        {
            await next(context);
        }
    }

    private ValueTask<Problem?> LimitStrangerAsync(HttpContext context) => addresses.LimitAsync(client.Of(context));
}
