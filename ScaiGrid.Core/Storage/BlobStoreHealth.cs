using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.Core.Storage;

/// <summary>Readiness check of hosts that cannot work without the blob store.</summary>
public sealed class BlobStoreHealth(IBlobStore store) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await store.CheckAsync(cancellationToken);
        return HealthCheckResult.Healthy();
    }
}
