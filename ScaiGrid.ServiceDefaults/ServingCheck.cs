using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.ServiceDefaults;

/// <summary>What <c>/health/ready</c> says, as one check: whoever asks for it asks the same probe, which bounds, shares and logs.</summary>
internal sealed class ServingCheck(ReadinessProbe probe, DrainState drain) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        !drain.IsDraining && (await probe.CheckAsync().WaitAsync(cancellationToken)).All(check => check.Passed)
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy();
}
