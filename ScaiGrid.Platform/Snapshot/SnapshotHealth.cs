using Microsoft.Extensions.Diagnostics.HealthChecks;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>A replica that has never loaded a snapshot knows no key and no model. One whose snapshot is old serves on.</summary>
internal sealed class SnapshotHealth(SnapshotStore store) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(store.IsLoaded ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("No snapshot is loaded yet."));
}
