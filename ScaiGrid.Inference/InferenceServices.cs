using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference;

/// <summary>Registers the hot path. Everything is a singleton: the chain is built once.</summary>
public static class InferenceServices
{
    /// <summary>For hosts that serve inference: Api and Grpc.</summary>
    public static void AddInference(this IHostApplicationBuilder builder)
    {
        var host = builder.AddSettings<HostSettings>();
        builder.AddSettings<InferenceOptions>();
        var services = builder.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<SnapshotStore>();
        builder.AddProviders();
        services.AddSingleton<InferenceMetrics>();
        services.AddSingleton<UsageBuffer>();
        services.AddSingleton(provider => new UsageJournal(host.DataDirectory, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<UsageMeter>();
        services.AddSingleton<UsageSettlement>();
        services.AddSingleton<ModelResolver>();
        services.AddSingleton<Dispatcher>();
        services.AddSingleton<CallRunner>();
        services.AddSingleton<ChatPipeline>();
        services.AddHostedService<UsageShipper>();
        services.AddSingleton<HealthBoard>();
        services.AddSingleton<CircuitStore>();
        services.AddHostedService<CircuitExchange>();
    }

    /// <summary>For the worker, which asks upstreams whether they are there again.</summary>
    public static void AddUpstreamProbes(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<InferenceOptions>();
        builder.AddProviders();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<CircuitStore>();
    }

    private static void AddProviders(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UpstreamHttp>();
        builder.Services.AddSingleton<ProviderCatalog>();
    }
}
