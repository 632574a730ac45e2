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
        if (await MayPassAsync(context))
        {
            using (logger.BeginScope(new CallScope(context.TraceIdentifier, context.Features.Get<Caller>())))
            {
                await next(context);
            }
        }
    }

    /// <summary>Sets the call's caller.</summary>
    /// <returns>False if the call has been answered with an error.</returns>
    private async ValueTask<bool> MayPassAsync(HttpContext context)
    {
        // Only routes are guarded: if none matches, the framework itself answers 404, 405 or 415, the latter two by endpoints of its own.
        if (context.GetEndpoint() is not RouteEndpoint endpoint)
        {
            return true;
        }

        if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            // Health checks and documents are not limited; calls of the API without credentials are limited by address. Where they are credentials
            // of another kind, as in a sign-in, only refused ones count.
            var counts = context.Request.Path.StartsWithSegments(Api, StringComparison.OrdinalIgnoreCase) && endpoint.Metadata.GetMetadata<CountsStrangers>() is null;
            return await RefuseAsync(context, counts ? await LimitStrangerAsync(context) : null);
        }

        if (endpoint.Metadata.GetMetadata<AccessAttribute>() is not { } access)
        {
            return await RefuseAsync(context, Denied);
        }

        var resolution = await callers.ResolveAsync(context.Request.Headers.Authorization, context.RequestAborted);
        if (!resolution.Is(out var caller, out var problem))
        {
            var isStranger = problem.Error.Status == StatusCodes.Status401Unauthorized;
            return await RefuseAsync(context, (isStranger ? await LimitStrangerAsync(context) : null) ?? problem);
        }

        // Before the caller is set: a call beyond the limit leaves no audit row, so that no caller can create any number of rows.
        var admission = await control.AdmitAsync(caller, endpoint.Metadata.GetMetadata<CallsModelAttribute>());
        if (admission.Problem is not null)
        {
            RateLimitHeaders.Write(context, admission.Limits);
            return await RefuseAsync(context, admission.Problem);
        }

        // Set before the permission check, so that the audit log records who was refused.
        context.Features.Set(caller);
        return access.Admits(caller) || await RefuseAsync(context, access.Refusal);
    }

    /// <returns>True if there is no problem.</returns>
    private static async ValueTask<bool> RefuseAsync(HttpContext context, Problem? problem)
    {
        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
        }

        return problem is null;
    }

    private ValueTask<Problem?> LimitStrangerAsync(HttpContext context) => addresses.LimitAsync(client.Of(context));
}
