using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The instruments of every class that creates meters, under the names that /metrics shows.</summary>
internal static class MetricCatalogue
{
    public static IReadOnlyList<(string Name, string Kind, string Meter)> Read()
    {
        using var services = new ServiceCollection()
            .AddMetrics()
            .AddSingleton(TimeProvider.System)
            .AddSingleton<SnapshotStore>()
            .AddSingleton(new InferenceOptions())
            .BuildServiceProvider();
        var factory = services.GetRequiredService<IMeterFactory>();
        var instruments = new List<Instrument>();
        using var listener = new MeterListener
        {
            // Tests that run at the same time create meters too, but with other factories.
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Scope == factory)
                {
                    instruments.Add(instrument);
                }
            },
        };
        listener.Start();
        foreach (var type in Product.Types.Where(MakesMeters))
        {
            (ActivatorUtilities.CreateInstance(services, type) as IDisposable)?.Dispose();
        }

        return [.. instruments.Select(instrument => (PrometheusName(instrument), Kind(instrument), instrument.Meter.Name)).Order()];
    }

    private static bool MakesMeters(Type type) => type.GetConstructors().Any(constructor => constructor.GetParameters().Any(parameter => parameter.ParameterType == typeof(IMeterFactory)));

    private static string PrometheusName(Instrument instrument)
    {
        var unit = instrument.Unit == "s" && !instrument.Name.EndsWith("_seconds", StringComparison.Ordinal) ? "_seconds" : "";
        return instrument.Name + unit + (Kind(instrument) == "counter" ? "_total" : "");
    }

    private static string Kind(Instrument instrument) => instrument.GetType().Name switch
    {
        "Counter`1" or "ObservableCounter`1" => "counter",
        "Histogram`1" => "histogram",
        _ => "gauge",
    };
}
