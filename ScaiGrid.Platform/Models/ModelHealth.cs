using ScaiGrid.Inference.Health;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>The words for health, of a backend and of a model as a whole.</summary>
internal static class ModelHealth
{
    public const string Healthy = "healthy";
    public const string Degraded = "degraded";
    public const string Unhealthy = "unhealthy";
    public const string Unavailable = "unavailable";

    public static string Of(BackendHealth health)
    {
        if (health.State() is not CircuitState.Closed || health.IsMisconfigured)
        {
            return Unhealthy;
        }

        // One failed call of many says little, one of a few says something.
        var (calls, failures) = health.Recent();
        return failures * 10 >= calls && failures > 0 ? Degraded : Healthy;
    }

    /// <summary>unavailable: no backend can be called at all; unhealthy: none that is well; degraded: not all that are mapped.</summary>
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
