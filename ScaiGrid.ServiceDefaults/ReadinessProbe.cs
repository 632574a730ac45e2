using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ScaiGrid.ServiceDefaults;

internal readonly record struct CheckOutcome(string Name, bool Passed);

/// <summary>
/// Runs the checks tagged "ready" in parallel, each with a time limit. The outcome is kept for a second and shared by all probes, so that
/// frequent probing cannot overload the services that it checks.
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

    // A degraded service still answers: removing its replicas would make things worse.
    private static bool Passed(HealthCheckResult result) => result.Status != HealthStatus.Unhealthy;

    // Logs changes only, so that frequent probes do not fill the log with one outage. The response does not contain the cause; the log does.
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
