using ScaiGrid.Inference.Health;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>The health states of backends and models.</summary>
internal static class ModelHealth
{
    public const string Healthy = "healthy";
    public const string Degraded = "degraded";
    public const string Unhealthy = "unhealthy";
    public const string Unavailable = "unavailable";

    public static string Of(BackendHealth health)
    {
        if (!health.IsHealthy)
        {
            return Unhealthy;
        }

        // Degraded from a tenth of failed calls on: one failure in many calls means little.
        var (calls, failures) = health.Recent();
        return failures * 10 >= calls && failures > 0 ? Degraded : Healthy;
    }

    /// <summary>unavailable: no backend can be called; unhealthy: no backend is healthy or degraded; degraded: not all backends are healthy.</summary>
    public static (string Status, int ActiveBackends) Of(IReadOnlyCollection<string> backendIds, BackendPool pool)
    {
        var (connected, active, healthy) = (0, 0, 0);
        foreach (var backend in backendIds.Select(pool.Find))
        {
            if (backend is null)
            {
                continue;
            }

            connected++;
            active += backend.Health.State() is CircuitState.Open || backend.Health.IsMisconfigured ? 0 : 1;
            healthy += Of(backend.Health) is Healthy ? 1 : 0;
        }

        var status = connected == 0 ? Unavailable
            : active == 0 ? Unhealthy
            : healthy == backendIds.Count ? Healthy
            : Degraded;
        return (status, active);
    }
}
