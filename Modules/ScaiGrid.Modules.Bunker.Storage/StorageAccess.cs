using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>Authorizes a request by its capability alone.</summary>
internal sealed class StorageAccess(CapabilitySigner signer)
{
    private const string Scheme = "Bearer ";

    /// <returns>A capability that allows the method on the key.</returns>
    /// <exception cref="ApiException">The request has none: 401, 403 or 422.</exception>
    public StorageCapability Authorize(HttpContext context, StorageMethods method, string key)
    {
        var capability = Authorize(context, method);
        if (!BlobKey.IsValid(key) || key.Contains("%2F", StringComparison.OrdinalIgnoreCase))
        {
            // The server does not unescape slashes: a/b and a%2Fb would be two objects.
            throw new ApiException(Problem.Invalid("key", $"must be segments divided by single, unescaped slashes, none '.' or '..', and at most {BlobKey.MaxBytes} bytes."));
        }

        return capability.Covers(key) ? capability : throw Denied("The capability is for another key.");
    }

    /// <summary>Verifies the capability and the method only; used for lists, whose prefix may come from the capability.</summary>
    public StorageCapability Authorize(HttpContext context, StorageMethods method)
    {
        if (!signer.IsConfigured)
        {
            throw new ApiException(StorageProxyErrors.NotConfigured);
        }

        var token = Token(context.Request) ?? throw new ApiException(StorageProxyErrors.CapabilityMissing);
        return (signer.Verify(token, out var capability), capability) switch
        {
            (CapabilityVerdict.Valid, { } valid) when valid.Allows(method) => valid,
            (CapabilityVerdict.Valid, _) => throw Denied($"The capability does not allow {method.ToString().ToUpperInvariant()}."),
            (CapabilityVerdict.Expired, _) => throw Denied("The capability has expired."),
            _ => throw Denied("The capability is not genuine."),
        };
    }

    public static ApiException Denied(string message) => new(StorageProxyErrors.CapabilityDenied, message);

    private static string? Token(HttpRequest request) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && header.Length > Scheme.Length
            ? header[Scheme.Length..].Trim()
        : request.Query["capability"] is [{ Length: > 0 } query] ? query
        : null;
}
