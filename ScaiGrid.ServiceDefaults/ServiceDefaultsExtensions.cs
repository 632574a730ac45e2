using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http.Resilience;

namespace ScaiGrid.ServiceDefaults;

/// <summary>What every host has: logs, telemetry, health, resilient HTTP clients, and an orderly end.</summary>
public static class ServiceDefaultsExtensions
{
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder, ServiceDefaultsOptions options)
        where TBuilder : IHostApplicationBuilder
    {
        ParentWatch.Start();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(options);
        builder.AddJsonConsole();
        builder.AddTelemetry(options);
        builder.Services.AddHealth();
        builder.Services.AddDraining();
        builder.Services.AddHostedService<FaultedServices>();
        builder.Services.AddHttpClientDefaults();
        return builder;
    }

    private static void AddDraining(this IServiceCollection services)
    {
        services.AddSingleton<DrainState>();
        services.AddSingleton<IConnectionListenerFactory, LingeringTransport>();
        services.Replace(ServiceDescriptor.Singleton<IHostLifetime, DrainLifetime>());

        // Draining is over when the host stops: what remains gets moments, not minutes.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
    }

    private static void AddHttpClientDefaults(this IServiceCollection services)
    {
        services.AddServiceDiscovery();
        services.ConfigureHttpClientDefaults(http =>
        {
            // A POST may have done its work before the answer was lost: only its sender knows whether to repeat it.
            http.AddStandardResilienceHandler(resilience => resilience.Retry.DisableForUnsafeHttpMethods());
            http.AddServiceDiscovery();
        });
    }
}
