using System.Net;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Identity;

/// <summary>Metadata of an anonymous endpoint that finds out by itself who calls, and counts only those whom it does not know.</summary>
internal sealed class CountsStrangers;

/// <summary>Callers without valid credentials, on every surface: they are limited by where they come from.</summary>
public static class Strangers
{
    /// <returns>A refusal when the address has tried too often.</returns>
    public static async ValueTask<Problem?> LimitAsync(this AddressLimiter addresses, IPAddress? address) => await addresses.RetryAfterAsync(address) is { } seconds
        ? new Problem(InferenceErrors.RateLimited, "Too many calls without valid credentials from this address.", seconds)
        : null;
}
