using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ScaiGrid.ServiceDefaults;

/// <summary>Exports metrics at /metrics always; traces, logs and metrics over OTLP if an endpoint is set.</summary>
internal static class Telemetry
{
    // From cache hits to the longest streams that the timeouts allow.
    private static readonly double[] SecondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    // Limit of series of inference's meters, by tenant, model and backend. Further ones are collected in one series.
    private const int Series = 20_000;
    private static readonly string[] MetersOfMany = ["ScaiGrid.Inference", "ScaiGrid.Admission"];

    // A selection of ASP.NET Core's meters: the packages that add all of them record each call a dozen times.
    private static readonly string[] ServerMeters = ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    public static void AddTelemetry(this IHostApplicationBuilder builder, ServiceDefaultsOptions options)
    {
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(options.ServiceName).AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics
                .AddMeter([.. options.Meters, .. ServerMeters])
                .AddRuntimeInstrumentation()
                .AddView(Stream)
                .AddPrometheusExporter(prometheus => prometheus.ScopeInfoEnabled = false));

        // Without a receiver there is no tracer provider: nothing listens, so no span is created.
        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            return;
        }

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        telemetry
            .WithTracing(tracing => tracing
                .AddSource([.. options.ActivitySources])
                .AddAspNetCoreInstrumentation(server => server.Filter = context => !DrainMiddleware.IsProbe(context.Request.Path))
                .AddHttpClientInstrumentation())
            .UseOtlpExporter();
    }

    private static MetricStreamConfiguration? Stream(Instrument instrument)
    {
        MetricStreamConfiguration? stream = IsHistogram(instrument) && (instrument.Unit == "s" || instrument.Name.EndsWith("_seconds", StringComparison.Ordinal))
            ? new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBuckets }
            : null;
        if (MetersOfMany.Contains(instrument.Meter.Name))
        {
            stream ??= new MetricStreamConfiguration();
            stream.CardinalityLimit = Series;
        }

        return stream;
    }

    private static bool IsHistogram(Instrument instrument) =>
        instrument.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Histogram<>);
}
