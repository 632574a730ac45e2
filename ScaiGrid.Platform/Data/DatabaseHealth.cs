using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.Platform.Data;

/// <summary>Ready means: the database answers, and its schema is at least the one that this build was written for.</summary>
internal sealed class DatabaseHealth(SchemaCheck schema) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await schema.PendingAsync(cancellationToken) is { Count: 0 } ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("Core migrations are pending.");
}
