using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ScaiGrid.ServiceDefaults;

internal readonly record struct CheckOutcome(string Name, bool Passed);

/// <summary>
/// Runs the checks tagged "ready", all at once and each within a bound. The outcome is kept for a second and shared by those who ask
/// meanwhile, so that probing, however eager, cannot load what it probes.
/// </summary>
internal sealed partial class ReadinessProbe
{
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ReadinessCheck[] _checks;
    private readonly bool[] _failed;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private Task<CheckOutcome[]>? _latest;
    private long _latestAt;

    public ReadinessProbe(
        IOptions<HealthCheckServiceOptions> options, IServiceScopeFactory scopes, TimeProvider time, ILogger<ReadinessProbe> logger)
    {
        _checks = [.. options.Value.Registrations
            .Where(registration => registration.Tags.Contains(HealthTags.Ready))
            .Select(registration => new ReadinessCheck(registration, scopes, time))];
        _failed = new bool[_checks.Length];
        _time = time;
        _logger = logger;
    }

    public Task<CheckOutcome[]> CheckAsync()
    {
        lock (_gate)
        {
            if (_latest is null || (_latest.IsCompleted && _time.GetElapsedTime(_latestAt) >= Freshness))
            {
                _latestAt = _time.GetTimestamp();
                _latest = RunAsync();
            }

            return _latest;
        }
    }

    private async Task<CheckOutcome[]> RunAsync()
    {
        var results = await Task.WhenAll(_checks.Select(check => check.RunAsync()));
        for (var i = 0; i < results.Length; i++)
        {
            LogChange(i, results[i]);
        }

        return [.. results.Select((result, i) => new CheckOutcome(_checks[i].Name, Passed(result)))];
    }

    // A degraded service still answers: taking its replicas away would make it worse.
    private static bool Passed(HealthCheckResult result) => result.Status != HealthStatus.Unhealthy;

    // Changes only: a probe every second must not fill the log with one outage. The cause is told here, as the answer may not tell it.
    private void LogChange(int check, HealthCheckResult result)
    {
        var failed = !Passed(result);
        if (failed == _failed[check])
        {
            return;
        }

        _failed[check] = failed;
        if (failed)
        {
            CheckFailed(result.Exception, _checks[check].Name, result.Description);
        }
        else
        {
            CheckRecovered(_checks[check].Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not ready: {Check} failed ({Reason}).")]
    private partial void CheckFailed(Exception? exception, string check, string? reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Check} is ready again.")]
    private partial void CheckRecovered(string check);
}
