using System.Net;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Identity;

/// <summary>Metadata of an anonymous endpoint that authenticates callers itself, and counts only failed attempts.</summary>
internal sealed class CountsStrangers;

/// <summary>
/// Counts the refused calls of an anonymous endpoint, including those whose body cannot be read: many people may sign in from one address.
/// </summary>
internal sealed class RefusedStrangers(AddressLimiter addresses, ClientAddress client) : IRefusalCounter
{
    public async ValueTask<Problem> CountAsync(HttpContext context, Problem problem) =>
        // Not for our own failures, nor for what another limit refused.
        problem.Error.Status is < 400 or 429 or >= 500 ? problem : await addresses.LimitAsync(client.Of(context)) ?? problem;
}

/// <summary>Limits callers without valid credentials by their address, on every surface.</summary>
public static class Strangers
{
    /// <returns>The problem if the address has made too many attempts; otherwise null.</returns>
    public static async ValueTask<Problem?> LimitAsync(this AddressLimiter addresses, IPAddress? address) => await addresses.RetryAfterAsync(address) is { } seconds
        ? new Problem(InferenceErrors.RateLimited, "Too many calls without valid credentials from this address.", seconds)
        : null;
}
