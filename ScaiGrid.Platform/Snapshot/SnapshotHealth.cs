using Microsoft.Extensions.Diagnostics.HealthChecks;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Fails until a snapshot has been loaded: without one, a replica knows no key and no model. An old snapshot does not fail it.</summary>
internal sealed class SnapshotHealth(SnapshotStore store) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(store.IsLoaded ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("No snapshot is loaded yet."));
}
