using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http.Resilience;

namespace ScaiGrid.ServiceDefaults;

/// <summary>Features that every host has: logs, telemetry, health, resilient HTTP clients, and graceful shutdown.</summary>
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

        // When the host stops, draining is already over: what remains gets seconds, not minutes.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
    }

    private static void AddHttpClientDefaults(this IServiceCollection services)
    {
        services.AddServiceDiscovery();
        services.ConfigureHttpClientDefaults(http =>
        {
            // A POST may have taken effect before its response was lost: only the sender knows whether it may be repeated.
            http.AddStandardResilienceHandler(resilience => resilience.Retry.DisableForUnsafeHttpMethods());
            http.AddServiceDiscovery();
        });
    }
}
