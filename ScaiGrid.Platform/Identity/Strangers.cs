using System.Net;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Identity;

/// <summary>Metadata of an anonymous endpoint that authenticates callers itself, and counts only failed attempts.</summary>
internal sealed class CountsStrangers;

/// <summary>Limits callers without valid credentials by their address, on every surface.</summary>
public static class Strangers
{
    /// <returns>The problem if the address has made too many attempts; otherwise null.</returns>
    public static async ValueTask<Problem?> LimitAsync(this AddressLimiter addresses, IPAddress? address) => await addresses.RetryAfterAsync(address) is { } seconds
        ? new Problem(InferenceErrors.RateLimited, "Too many calls without valid credentials from this address.", seconds)
        : null;
}
