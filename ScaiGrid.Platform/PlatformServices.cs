using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Redis;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Batch;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Health;
using ScaiGrid.Platform.Idempotency;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Jobs;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Sessions;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform;

/// <summary>Registers the platform's services, by host.</summary>
public static class PlatformServices
{
    private const string Ready = "ready";

    /// <summary>For hosts with an API (http, grpc): identity, the snapshot, and all features. Call <c>AddInference</c> as well.</summary>
    public static void AddPlatform(this IHostApplicationBuilder builder)
    {
        builder.AddPlatformStores();
        builder.AddAccounting();
        builder.AddAudit();
        builder.AddAuth();
        builder.AddIdentity();
        builder.AddSnapshot();
        builder.AddWebhooks();
        builder.AddBatches();
        builder.Services.AddSingleton<Conversation>();
        builder.Services.AddWireJson();
        builder.Services.AddSingleton(services => new SettingsInventory(builder.Services, builder.Configuration));
    }

    /// <summary>For the worker: the services of scheduled tasks and queued work. Call <c>AddInference</c> as well.</summary>
    public static void AddPlatformTasks(this IHostApplicationBuilder builder)
    {
        builder.AddPlatformStores();
        builder.AddAccounting();
        builder.AddAuthTasks();
        builder.AddJobs();
        builder.AddIdentity();
        builder.AddSnapshot();
        builder.AddWebhookQueues();
        builder.AddBatchQueue();
        builder.Services.AddWireJson();
        builder.Services.AddHostedService<JobRunner>();
        builder.Services.AddTransient<IdempotencyPurge>();
    }

    /// <summary>Call after routing and before the endpoints.</summary>
    public static IApplicationBuilder UseApiKeyAuthentication(this IApplicationBuilder app) => app.UseMiddleware<ApiKeyAuthentication>();

    private static void AddPlatformStores(this IHostApplicationBuilder builder)
    {
        builder.AddPlatformDatabase();
        builder.AddRedis();
        builder.Services.AddSingleton<EventOutbox>();
        builder.Services.AddSingleton<UserDirectory>();
        builder.Services.AddHealthChecks().AddCheck<RedisHealth>("redis", tags: [Ready]);

        // Entity Framework logs the errors that it also throws: the code that catches them decides whether they are errors, and logs them once.
        foreach (var category in (string[])["Database.Connection", "Database.Command", "Query", "Update"])
        {
            builder.Logging.AddFilter($"Microsoft.EntityFrameworkCore.{category}", LogLevel.None);
        }
    }

    private static void AddIdentity(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<TenantLimitOptions>();
        var options = builder.AddSettings<IdentityOptions>();
        if (options.AuthDisabled && builder.Environment.IsProduction())
        {
            builder.AddSettingsMistake(
                "SCAIGRID_AUTH_DISABLED: everybody who reaches this process would be super admin; it is refused where the environment is Production.");
        }

        builder.Services.AddSingleton<PermissionCatalogue>();
        builder.Services.AddSingleton<CredentialPool>();
        builder.Services.AddHostedService<ApiKeyUse>();
        builder.Services.AddSingleton<InternalCallers>();
        builder.Services.AddSingleton(services => new CallerResolver(
            services.GetRequiredService<SnapshotStore>(),
            services.GetRequiredService<InternalCallers>(),
            services.GetRequiredService<TokenCallers>(),
            options,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<CallerResolver>>()));
    }

    private static void AddProviderSecrets(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<SecretOptions>();
        builder.Services.TryAddSingleton<SecretBox>();
        builder.Services.AddSingleton<ProviderSecrets>();
        builder.Services.AddSingleton<BackendProber>();
    }

    private static void AddSnapshot(this IHostApplicationBuilder builder)
    {
        builder.AddProviderSecrets();
        builder.AddSettings<HostSettings>();
        builder.AddSettings<SnapshotOptions>();
        builder.Services.AddSingleton<SnapshotFile>();
        builder.Services.AddSingleton<BackendPool>();
        builder.Services.AddSingleton<RouteTable>();
        builder.Services.AddSingleton<SnapshotConnections>();
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<SnapshotLoader>(services, services.GetRequiredService<SnapshotConnections>()));
        builder.Services.AddSingleton<SnapshotRefresher>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SnapshotRefresher>());
        builder.Services.AddSingleton<ISnapshotSignal, RedisSnapshotSignal>();
        builder.Services.AddHealthChecks().AddCheck<SnapshotHealth>("snapshot", tags: [Ready]);
    }
}
