using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Storage;

public static class StorageExtensions
{
    /// <summary>Registers the process's <see cref="IBlobStore"/>. Nothing is opened before its first use.</summary>
    public static void AddBlobStore(this IHostApplicationBuilder builder)
    {
        var options = builder.AddSettings<StorageOptions>();
        var path = options.Path ?? Path.Combine(builder.AddSettings<HostSettings>().DataDirectory, "blobs");
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.TryAddSingleton<IBlobStore>(services => options.S3Endpoint is null
            ? new DiskBlobStore(Path.GetFullPath(path), services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<DiskBlobStore>>())
            : new S3BlobStore(new S3Connection(options, services.GetRequiredService<ILogger<S3Connection>>()), options, services.GetRequiredService<TimeProvider>()));
    }
}
