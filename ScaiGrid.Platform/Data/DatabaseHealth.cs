using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.Platform.Data;

/// <summary>Ready if the database answers, and its schema is at least that of this build.</summary>
internal sealed class DatabaseHealth(SchemaCheck schema) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await schema.PendingAsync(cancellationToken) is { Count: 0 } ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("Core migrations are pending.");
}
