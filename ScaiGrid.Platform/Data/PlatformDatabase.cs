using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Audit;

namespace ScaiGrid.Platform.Data;

/// <summary>Registers the database: a pooled context factory, a scoped context, and a readiness check.</summary>
public static class PlatformDatabase
{
    /// <summary>The tag of readiness checks.</summary>
    private const string Ready = "ready";

    public static void AddPlatformDatabase(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<DatabaseOptions>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<AuditChain>();
        builder.Services.AddSingleton<AuditInterceptor>();
        builder.Services.AddSingleton<SnapshotInterceptor>();
        builder.Services.AddSingleton<SchemaCheck>();
        builder.Services.AddPooledDbContextFactory<PlatformDb>((services, options) =>
            options.UseDatabase(services.GetRequiredService<DatabaseOptions>()).AddInterceptors(
                services.GetRequiredService<AuditInterceptor>(), services.GetRequiredService<SnapshotInterceptor>()));
        builder.Services.AddScoped(services => services.GetRequiredService<IDbContextFactory<PlatformDb>>().CreateDbContext());
        builder.Services.AddHealthChecks().AddCheck<DatabaseHealth>("database", tags: [Ready]);

        // A line per statement is for traces, and failures of statements that are retried are not errors.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
    }

    /// <summary>Configures a context for the configured database; used by modules' contexts as well.</summary>
    public static DbContextOptionsBuilder UseDatabase(this DbContextOptionsBuilder builder, DatabaseOptions options) => builder.UseDatabase(options, options.Address);

    internal static DbContextOptionsBuilder UseDatabase(this DbContextOptionsBuilder builder, DatabaseOptions options, DatabaseAddress address) =>
        address.Kind switch
        {
            DatabaseKind.Sqlite => builder
                .UseSqlite(address.ConnectionString)
                .AddInterceptors(new SqliteConnectionSetup()),
            _ => builder
                .UseMySql(
                    address.ConnectionString,
                    new MariaDbServerVersion(options.ServerVersion),
                    mysql => mysql.ExecutionStrategy(dependencies => new TransientFaultStrategy(dependencies)))
                .AddInterceptors(new ReadCommittedTransactions()),
        };
}
