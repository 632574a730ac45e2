using ScaiGrid.Core.Errors;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>Errors of the storage proxy, in addition to those of the core and of the blob store.</summary>
public static class StorageProxyErrors
{
    public static readonly Error CapabilityMissing = CoreErrors.TokenMissing with
    {
        Message = "Send a storage capability as 'Authorization: Bearer …' or in the query as 'capability'.",
    };

    public static readonly Error CapabilityDenied = new("CAPABILITY_DENIED", 403, "The capability does not allow this.");
    public static readonly Error NotConfigured = new("STORAGE_PROXY_NOT_CONFIGURED", 503, $"The storage proxy is not in use here: {CapabilityOptions.Variable} is not set.");
}
