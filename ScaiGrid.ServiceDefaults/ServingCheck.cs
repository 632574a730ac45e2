using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.ServiceDefaults;

/// <summary>The result of <c>/health/ready</c> as one check. Uses the same probe, with its time limits, caching and logging.</summary>
internal sealed class ServingCheck(ReadinessProbe probe, DrainState drain) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        !drain.IsDraining && (await probe.CheckAsync().WaitAsync(cancellationToken)).All(check => check.Passed)
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy();
}
