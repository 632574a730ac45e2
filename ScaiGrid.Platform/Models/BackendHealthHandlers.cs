using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>The state of a backend as seen by the replica that answers; the circuit is the same on all replicas while Redis is available.</summary>
internal static class BackendHealthHandlers
{
    public static async Task<Results<Ok<Envelope<BackendHealthView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, BackendPool pool, CancellationToken cancellationToken)
    {
        var status = await db.Backends.AsNoTracking().VisibleTo(db, caller)
            .Where(backend => backend.Id == id)
            .Select(backend => backend.Status)
            .SingleOrDefaultAsync(cancellationToken);
        return status is null ? Reply.Problem(ModelErrors.BackendNotFound) : Reply.Ok(View(id, status, pool, probe: null));
    }

    /// <summary>Asks the upstream now, and closes the circuit if it answers.</summary>
    public static async Task<Results<Ok<Envelope<BackendHealthView>>, ProblemResult>> Probe(
        string id, PlatformDb db, BackendPool pool, BackendProber prober, CancellationToken cancellationToken)
    {
        if (await db.Backends.AsNoTracking().SingleOrDefaultAsync(backend => backend.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(ModelErrors.BackendNotFound);
        }

        var provider = await db.Providers.AsNoTracking().SingleAsync(candidate => candidate.Id == row.ProviderId, cancellationToken);
        ProbeResult probe;
        try
        {
            probe = await prober.ProbeAsync(provider, row, cancellationToken);
        }
        catch (CryptographicException)
        {
            return Reply.Ok(View(id, row.Status, pool, probe: null));
        }

        if (probe.IsAlive && pool.Find(id) is { } backend)
        {
            backend.Health.Close();
        }

        return Reply.Ok(View(id, row.Status, pool, new ProbeView(probe.IsAlive, probe.Detail, probe.LatencyMs)));
    }

    private static BackendHealthView View(string id, string status, BackendPool pool, ProbeView? probe)
    {
        if (pool.Find(id) is not { } backend)
        {
            var reason = status == BackendStatus.Disabled ? "The backend is disabled." : "Its configuration or credentials cannot be used; the log says why.";
            return new BackendHealthView(id, ModelHealth.Unavailable, reason, null, null, null, InflightRequests: 0, probe);
        }

        var health = backend.Health;
        var (circuit, state, recent) = (health.Circuit, health.State(), health.Recent());
        var (current, why) = (ModelHealth.Of(health), Reason(health, state, circuit, recent));
        if (current == ModelHealth.Healthy && probe is { IsAlive: false })
        {
            // It says as much as one failed call, but opens no circuit: an upstream may fail to list its models and still serve them.
            (current, why) = (ModelHealth.Degraded, $"The circuit is closed, but the probe failed: {probe.Detail}");
        }

        return new BackendHealthView(
            id,
            current,
            why,
            new CircuitView(
                state switch { CircuitState.Closed => "closed", CircuitState.HalfOpen => "half_open", _ => "open" },
                circuit.Openings,
                circuit.IsClosed ? null : circuit.Reason.Label(),
                state == CircuitState.Open ? (int)Math.Ceiling(health.Pause().TotalSeconds) : null),
            new RecentCallsView(recent.Calls, recent.Failures),
            health.LatencyMicros == 0 ? null : Math.Round(health.LatencyMicros / 1000.0, 3),
            backend.InFlight,
            probe);
    }

    private static string Reason(BackendHealth health, CircuitState state, Circuit circuit, (int Calls, int Failures) recent) => state switch
    {
        CircuitState.Open when circuit.IsTrial => $"The circuit is half-open after {circuit.Reason.Label()}, and its trial is under way.",
        CircuitState.Open => $"The circuit is open after {circuit.Reason.Label()}.",
        CircuitState.HalfOpen => $"The circuit is half-open after {circuit.Reason.Label()}: the next call is a trial.",
        _ when health.IsMisconfigured => "Its upstream refused our credentials or did not know the model in all of its last calls: other backends are preferred, and it is tried again at growing intervals of up to 5 minutes.",
        _ when recent.Failures > 0 => $"{recent.Failures} of {recent.Calls} calls of the last 30 seconds failed.",
        _ when recent.Calls == 0 => "The circuit is closed; no call of the last 30 seconds told of the backend's health (one that is refused for its key or content does not).",
        _ => "All calls of the last 30 seconds succeeded.",
    };
}

/// <param name="BackendId">The backend.</param>
/// <param name="Status">healthy; degraded: some calls fail, or this probe; unhealthy: its circuit is not closed, or the upstream refuses our credentials or does not know
/// the model; unavailable: disabled, or it cannot be connected.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Circuit">Null for an unavailable backend.</param>
/// <param name="RecentCalls">Calls of the replica that answers.</param>
/// <param name="LatencyMs">Moving average of the time to the first token, or to the whole answer.</param>
/// <param name="InflightRequests">Open calls of the replica that answers.</param>
/// <param name="Probe">The upstream's answer to the probe, if one was made.</param>
internal sealed record BackendHealthView(
    string BackendId,
    string Status,
    string Reason,
    CircuitView? Circuit,
    RecentCallsView? RecentCalls,
    double? LatencyMs,
    int InflightRequests,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ProbeView? Probe);

/// <param name="State">closed, half_open or open.</param>
/// <param name="Openings">The number of openings in a row.</param>
/// <param name="Reason">The failure that opened it.</param>
/// <param name="RetryAfterS">Seconds until it half-opens; a short time while its trial is under way.</param>
internal sealed record CircuitView(string State, int Openings, string? Reason, int? RetryAfterS);

/// <param name="Calls">Calls in the last 30 seconds.</param>
/// <param name="Failures">How many of them failed.</param>
internal sealed record RecentCallsView(int Calls, int Failures);

internal sealed record ProbeView(bool IsAlive, string Detail, double LatencyMs);
