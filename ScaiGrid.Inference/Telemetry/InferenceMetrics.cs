using System.Diagnostics;
using System.Diagnostics.Metrics;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Telemetry;

/// <summary>
/// Metrics and spans of inference. Spans follow OpenTelemetry's GenAI conventions. Label values are bounded: existing models and backends,
/// tenants, and fixed values.
/// </summary>
public sealed class InferenceMetrics : IDisposable
{
    private static readonly ActivitySource Spans = new("ScaiGrid.Inference");

    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _tries;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _firstToken;
    private readonly TimeProvider _time;

    public InferenceMetrics(IMeterFactory meters, SnapshotStore snapshots, TimeProvider time)
    {
        _time = time;
        _meter = meters.Create("ScaiGrid.Inference");
        _requests = _meter.CreateCounter<long>("scaigrid_requests", description: "Inference calls by outcome.");
        _tokens = _meter.CreateCounter<long>("scaigrid_tokens", description: "Tokens in and out.");
        _tries = _meter.CreateCounter<long>("scaigrid_backend_attempts", description: "Attempts at backends by outcome; a call that failed over has several.");
        _duration = _meter.CreateHistogram<double>("scaigrid_request_duration", "s", "From acceptance to the end of the answer.");
        _firstToken = _meter.CreateHistogram<double>("scaigrid_time_to_first_token", "s", "From acceptance to the first chunk of a stream.");
        _meter.CreateObservableGauge(
            "scaigrid_backend_inflight_requests",
            () => Backends(snapshots.Current).Select(backend => new Measurement<int>(backend.InFlight, new KeyValuePair<string, object?>("backend_id", backend.Id))),
            description: "Calls open on each backend.");
        _meter.CreateObservableGauge("scaigrid_backend_health", () => Backends(snapshots.Current).Select(Health), description: "1: calls go to the backend; 0: its circuit is not closed, or its upstream refuses the key or does not know the model.");
        _meter.CreateObservableGauge(
            "scaigrid_circuit_breaker_state", () => Backends(snapshots.Current).Select(Circuit), description: "0: closed, 1: half-open, 2: open.");
    }

    /// <summary>Counts a call that was refused before any backend was tried.</summary>
    public void Refused(Problem problem, CallContext context)
    {
        // The slug is caller input of any value: it must not become a label.
        Count("unknown", problem.Error.Code, context);
    }

    /// <summary>Counts one attempt at a backend.</summary>
    public void Tried(string backendId, UpstreamFailure? failure) => _tries.Add(
        1,
        new KeyValuePair<string, object?>("backend_id", backendId),
        new KeyValuePair<string, object?>("outcome", failure is { } reason ? reason.Label() : "ok"));

    /// <summary>Counts an attempt that ended because the caller disconnected before the backend had answered.</summary>
    public void Abandoned(string backendId) => _tries.Add(
        1,
        new KeyValuePair<string, object?>("backend_id", backendId),
        new KeyValuePair<string, object?>("outcome", CallStatus.Cancelled.Label()));

    /// <summary>Counts a call whose caller disconnected before any backend had answered: it is not settled.</summary>
    public void Cancelled(InferenceCall call)
    {
        Count(call.Route.Slug, CallStatus.Cancelled.Label(), call.Context);
        Duration(call);
    }

    /// <summary>Counts a call that no backend answered.</summary>
    public void Failed(InferenceCall call, UpstreamFailure failure)
    {
        Count(call.Route.Slug, failure.Label(), call.Context);
        Duration(call);
    }

    public void Settled(InferenceCall call, TokenUsage usage, CallStatus status)
    {
        var model = new KeyValuePair<string, object?>("model", call.Route.Slug);
        var tenant = new KeyValuePair<string, object?>("tenant_id", call.Context.Caller.TenantId);
        Count(call.Route.Slug, status.Label(), call.Context);
        _tokens.Add(usage.Prompt, model, new KeyValuePair<string, object?>("direction", "input"), tenant);
        _tokens.Add(usage.Completion, model, new KeyValuePair<string, object?>("direction", "output"), tenant);
        Duration(call);
        if (call.FirstChunkAfter is { } first)
        {
            _firstToken.Record(first.TotalSeconds, model);
        }

        if (Activity.Current is { } span && span.Source == Spans)
        {
            span.SetTag("gen_ai.usage.input_tokens", usage.Prompt);
            span.SetTag("gen_ai.usage.output_tokens", usage.Completion);
        }
    }

    /// <summary>Starts a span; null, without cost, if nothing listens.</summary>
    public static Activity? StartSpan(ModelRoute route, string operation)
    {
        if (!Spans.HasListeners())
        {
            return null;
        }

        var span = Spans.StartActivity($"{operation} {route.Slug}", ActivityKind.Client);
        span?.SetTag("gen_ai.operation.name", operation);
        span?.SetTag("gen_ai.request.model", route.Slug);
        return span;
    }

    public void Dispose() => _meter.Dispose();

    private void Count(string model, string status, CallContext context) => _requests.Add(
        1,
        new KeyValuePair<string, object?>("model", model),
        new KeyValuePair<string, object?>("status", status),
        new KeyValuePair<string, object?>("protocol", context.Protocol));

    private void Duration(InferenceCall call) => _duration.Record(
        _time.GetElapsedTime(call.Context.StartedAt).TotalSeconds,
        new KeyValuePair<string, object?>("model", call.Route.Slug),
        new KeyValuePair<string, object?>("backend", call.Attempts == 0 ? "none" : call.Backend.Id));

    private static Measurement<int> Health(Backend backend) => new(backend.Health.IsHealthy ? 1 : 0, BackendId(backend));

    private static Measurement<int> Circuit(Backend backend) => new((int)backend.Health.State(), BackendId(backend));

    private static KeyValuePair<string, object?> BackendId(Backend backend) => new("backend_id", backend.Id);

    private static IEnumerable<Backend> Backends(GridSnapshot snapshot) =>
        snapshot.Models.Values.SelectMany(model => model.Targets).Select(target => target.Backend).Distinct();
}
