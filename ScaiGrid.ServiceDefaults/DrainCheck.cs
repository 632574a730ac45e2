using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.ServiceDefaults;

internal sealed class DrainCheck(DrainState drain) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(drain.IsDraining ? HealthCheckResult.Unhealthy("The process drains.") : HealthCheckResult.Healthy());
}
