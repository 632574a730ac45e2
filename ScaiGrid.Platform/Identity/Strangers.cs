using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Identity;

/// <summary>Metadata of an anonymous endpoint that authenticates callers itself, and counts only failed attempts.</summary>
internal sealed class CountsStrangers;

/// <summary>Counts the refused calls of an anonymous endpoint: many people may sign in from one address.</summary>
internal static class CountedRefusals
{
    public static RouteHandlerBuilder CountRefusals(this RouteHandlerBuilder endpoint) =>
        endpoint.WithMetadata(new CountsStrangers()).AddEndpointFilter(CountAsync);

    private static async ValueTask<object?> CountAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            var result = await next(context);
            var problem = ((result is INestedHttpResult nested ? nested.Result : result) as ProblemResult)?.Problem;
            return await LimitAsync(context.HttpContext, problem) is { } limited ? new ProblemResult(limited) : result;
        }
        catch (ApiException exception)
        {
            if (await LimitAsync(context.HttpContext, exception.Problem) is { } limited)
            {
                return new ProblemResult(limited);
            }

            throw;
        }
    }

    /// <returns>The problem if the call was refused, and the address has made too many such calls.</returns>
    private static async ValueTask<Problem?> LimitAsync(HttpContext context, Problem? problem)
    {
        // Not for our own failures, nor for what another limit refused.
        if (problem?.Error.Status is not (>= 400 and < 500 and not StatusCodes.Status429TooManyRequests))
        {
            return null;
        }

        var services = context.RequestServices;
        return await services.GetRequiredService<AddressLimiter>().LimitAsync(services.GetRequiredService<ClientAddress>().Of(context));
    }
}

/// <summary>Limits callers without valid credentials by their address, on every surface.</summary>
public static class Strangers
{
    /// <returns>The problem if the address has made too many attempts; otherwise null.</returns>
    public static async ValueTask<Problem?> LimitAsync(this AddressLimiter addresses, IPAddress? address) => await addresses.RetryAfterAsync(address) is { } seconds
        ? new Problem(InferenceErrors.RateLimited, "Too many calls without valid credentials from this address.", seconds)
        : null;
}
