using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quartz;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Starts the scheduler once the database answers, and stops it with the host.</summary>
/// <remarks>
/// On MariaDB the workers form a Quartz cluster. Quartz does not support clusters on SQLite: one worker at a time holds a lease and runs the
/// scheduler, and the others stand by.
/// </remarks>
internal sealed partial class SchedulerService(
    ISchedulerFactory schedulers,
    SchedulerErrors errors,
    ScheduledTasks tasks,
    TaskBook book,
    SchemaCheck schema,
    DatabaseOptions database,
    TimeProvider time,
    ILogger<SchedulerService> logger,
    IWorkGate? gate = null) : BackgroundService
{
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LeaseLifetime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TidyEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShutdownPatience = TimeSpan.FromSeconds(2);

    private IScheduler? _scheduler;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (_scheduler is { } scheduler)
        {
            try
            {
                // Quartz waits for the database to record the end of each run, for as long as the database is unavailable. For the other workers, runs
                // that are not recorded are those of a dead worker.
                await scheduler.Shutdown(waitForJobsToComplete: true, cancellationToken).AsTask().WaitAsync(ShutdownPatience, time, cancellationToken);
            }
            catch (Exception exception) when (exception is TimeoutException or OperationCanceledException or SchedulerException)
            {
                SchedulerAbandoned(exception.Message);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, gate?.Draining ?? CancellationToken.None);
        try
        {
            _scheduler = await PrepareAsync(stop.Token);
            if (database.Address.Kind is DatabaseKind.Sqlite)
            {
                await RunByLeaseAsync(_scheduler, stop.Token);
            }
            else
            {
                await TryUntilDoneAsync(token => FollowAsync(_scheduler, held: true, token), stop.Token);
                while (true)
                {
                    await Task.Delay(TidyEvery, time, stop.Token);
                    await TryUntilDoneAsync(token => TaskSchedule.TidyAsync(_scheduler, tasks, book, token), stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Draining: running tasks finish, and later ones are left to other workers.
            if (_scheduler is { } scheduler)
            {
                await scheduler.Standby(CancellationToken.None);
            }
        }
    }

    private async Task<IScheduler> PrepareAsync(CancellationToken cancellationToken)
    {
        IScheduler? scheduler = null;
        await TryUntilDoneAsync(
            async token =>
            {
                if (await schema.PendingAsync(token) is { Count: > 0 })
                {
                    throw new SchedulerException("Core migrations are pending.");
                }

                scheduler ??= await schedulers.GetScheduler(token);
                await TaskSchedule.SyncAsync(scheduler, tasks, token);
                await TaskSchedule.TidyAsync(scheduler, tasks, book, token);
            },
            cancellationToken);
        scheduler!.ListenerManager.AddSchedulerListener(errors);
        return scheduler;
    }

    private async Task RunByLeaseAsync(IScheduler scheduler, CancellationToken cancellationToken)
    {
        var lease = new Lease(database.Address, "leases", "scheduler", LeaseLifetime, time);
        var tidiedAt = time.GetTimestamp();
        try
        {
            while (true)
            {
                await TryUntilDoneAsync(token => TakeAndFollowAsync(scheduler, lease, token), cancellationToken);
                if (time.GetElapsedTime(tidiedAt) > TidyEvery)
                {
                    await TryUntilDoneAsync(token => TaskSchedule.TidyAsync(scheduler, tasks, book, token), cancellationToken);
                    tidiedAt = time.GetTimestamp();
                }

                await Task.Delay(RenewEvery, time, cancellationToken);
            }
        }
        finally
        {
            await scheduler.Standby(CancellationToken.None);
            await lease.ReleaseAsync();
        }
    }

    private async Task TakeAndFollowAsync(IScheduler scheduler, Lease lease, CancellationToken cancellationToken)
    {
        try
        {
            await lease.TryTakeAsync(cancellationToken);
        }
        finally
        {
            await FollowAsync(scheduler, lease.IsHeld, cancellationToken);
        }
    }

    private async Task FollowAsync(IScheduler scheduler, bool held, CancellationToken cancellationToken)
    {
        var running = scheduler.Status is SchedulerStatus.Running;
        if (held && !running)
        {
            await scheduler.Start(cancellationToken);
            SchedulerStarted(tasks.ByName.Count);
        }
        else if (!held && running)
        {
            await scheduler.Standby(cancellationToken);
            SchedulerStoodDown();
        }
    }

    /// <summary>
    /// Repeats a step while the database is unavailable or its schema is missing, and logs it once. Any exception is retried: a worker that ended would
    /// flush no usage.
    /// </summary>
    private async Task TryUntilDoneAsync(Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await step(cancellationToken);
                return;
            }
            catch (Exception exception)
            {
                // A cancelled step may throw any exception: Quartz then reports that the schema is not valid.
                cancellationToken.ThrowIfCancellationRequested();
                if (attempt == 1)
                {
                    SchedulerWaits(exception.GetBaseException().Message);
                }
            }

            await Task.Delay(RetryEvery, time, cancellationToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The scheduler runs {Count} task(s).")]
    private partial void SchedulerStarted(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler did not shut down in time: {Reason}")]
    private partial void SchedulerAbandoned(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler's lease was lost; another worker may have it. Standing by.")]
    private partial void SchedulerStoodDown();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler cannot continue yet; retrying: {Reason}")]
    private partial void SchedulerWaits(string reason);
}
