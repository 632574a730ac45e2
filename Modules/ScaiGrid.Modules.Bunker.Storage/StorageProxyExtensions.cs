using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

public static class StorageProxyExtensions
{
    /// <summary>Registers the services of <see cref="StorageEndpoints.MapStorage"/>: the blob store and the signer of capabilities.</summary>
    public static void AddStorageProxy(this IHostApplicationBuilder builder)
    {
        builder.AddBlobStore();
        builder.AddSettings<CapabilityOptions>();
        builder.Services.AddSingleton<CapabilitySigner>();
        builder.Services.AddSingleton<StorageAccess>();
    }

    /// <summary>For programs that cannot work without capabilities: a missing key is a configuration mistake.</summary>
    public static void RequireCapabilityKey(this IHostApplicationBuilder builder)
    {
        if (builder.AddSettings<CapabilityOptions>().Keys.Length == 0)
        {
            builder.AddSettingsMistake($"{CapabilityOptions.Variable}: set it to base64 of 32 random bytes (openssl rand -base64 32), the same as in mode http.");
        }
    }
}
