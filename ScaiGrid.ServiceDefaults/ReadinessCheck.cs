using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScaiGrid.ServiceDefaults;

/// <summary>One readiness check that answers within two seconds, even if its code hangs. Not thread-safe.</summary>
internal sealed class ReadinessCheck(HealthCheckRegistration registration, IServiceScopeFactory scopes, TimeProvider time)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    private Task<HealthCheckResult>? _running;

    public string Name => registration.Name;

    public async Task<HealthCheckResult> RunAsync()
    {
        // A check that hangs is not started again: probes must not pile up behind it.
        if (_running is null or { IsCompleted: true })
        {
            _running = ExecuteAsync();
        }

        try
        {
            return await _running.WaitAsync(Bound, time);
        }
        catch (TimeoutException)
        {
            return HealthCheckResult.Unhealthy("no answer within two seconds");
        }
    }

    private async Task<HealthCheckResult> ExecuteAsync()
    {
        // A check that blocks its thread must not block the others.
        await Task.Yield();
        try
        {
            using var bound = new CancellationTokenSource(Bound, time);
            await using var scope = scopes.CreateAsyncScope();
            var context = new HealthCheckContext { Registration = registration };
            return await registration.Factory(scope.ServiceProvider).CheckHealthAsync(context, bound.Token);
        }
        catch (Exception exception)
        {
            return HealthCheckResult.Unhealthy(exception.GetType().Name, exception);
        }
    }
}
