using System.Collections.Frozen;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MySqlConnector;
using Quartz;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Registers the Worker's scheduler: each due task runs once, whatever the number of workers.</summary>
public static class SchedulingServices
{
    private const string Name = "scaigrid";

    // A worker that has not checked in for the sum of both is considered dead, and its run is repeated one check-in later. If it was only slow, both
    // runs overlap: handlers must tolerate that.
    private static readonly TimeSpan CheckInEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CheckInThreshold = TimeSpan.FromSeconds(3);

    // A task that is later than this runs once, now, and not for each time it was missed.
    private static readonly TimeSpan MisfireThreshold = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookForMisfiresEvery = TimeSpan.FromSeconds(2);

    /// <summary>Requires the platform's database to be registered.</summary>
    public static void AddScheduling(this IHostApplicationBuilder builder, IEnumerable<ScheduledTask> tasks)
    {
        var options = builder.AddSettings<DatabaseOptions>();
        var known = tasks.ToFrozenDictionary(task => task.Name);
        builder.Services.AddSingleton(new ScheduledTasks(known));
        builder.AddSettings<SchedulingOptions>();
        builder.Services.AddSingleton<TaskMetrics>();
        builder.Services.AddSingleton<TaskBook>();
        builder.Services.AddHostedService<SchedulerService>();

        builder.Services.AddSingleton<SchedulerErrors>();

        // SchedulerErrors logs failures instead.
        builder.Logging.AddFilter("Quartz", LogLevel.None);
        if (options.Url is not null && DatabaseAddress.TryParse(options, out var address, out _))
        {
            builder.AddQuartz(quartz => Configure(quartz, address, options, known.Keys));
        }
    }

    private static void Configure(IQuartzBuilder quartz, DatabaseAddress address, DatabaseOptions options, IEnumerable<string> tasks)
    {
        // Tasks that this worker does not know (of a newer worker, or of a module that is not loaded here) are left to workers that do.
        quartz.ServeExecutionGroups([.. tasks]);
        quartz.ConfigureScheduler(scheduler =>
        {
            scheduler.InstanceName = Name;
            scheduler.ShutdownJobInterruption = ShutdownJobInterruption.Always;
        });
        quartz.UsePersistentStore(store =>
        {
            store.ConfigureStore(ado =>
            {
                ado.MisfireThreshold = MisfireThreshold;
                ado.MisfireHandlerFrequency = LookForMisfiresEvery;
                ado.CommandTimeout = options.Timeout;
                ado.DbRetryInterval = CheckInEvery;
                ado.IsTransient = Data.DatabaseErrors.IsTransient;
                ado.StoreJobDataAsStrings = true;
                ado.UseBackgroundThreads = true;
            });
            if (address.Kind is DatabaseKind.Sqlite)
            {
                store.UseSqlite(SqliteFactory.Instance, address.ConnectionString);
            }
            else
            {
                store.UseMySqlConnector(MySqlConnectorFactory.Instance, address.ConnectionString);
                store.UseClustering(cluster =>
                {
                    cluster.CheckinInterval = CheckInEvery;
                    cluster.CheckinMisfireThreshold = CheckInThreshold;
                });
            }
        });
    }
}
