using System.Collections.Frozen;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Scheduling;

namespace ScaiGrid.Platform.Jobs;

/// <summary>
/// Runs queued work in the worker: looks for lanes with due jobs, claims as many as there is room for, renews their leases while they run, and
/// releases unfinished ones at a stop. Any number of workers share the queue; one that dies loses its leases.
/// </summary>
internal sealed partial class JobRunner(
    IEnumerable<JobQueue> queues,
    IServiceProvider services,
    JobStore store,
    JobMetrics metrics,
    JobOptions options,
    IDbContextFactory<PlatformDb> databases,
    TimeProvider time,
    ILogger<JobRunner> logger,
    IWorkGate? gate = null) : BackgroundService
{
    // Claims are paced, so that jobs that become due in between are claimed together.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CountEvery = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(2);
    private const int LanesTogether = 50;

    private readonly SemaphoreSlim _changed = new(0, 1);
    private FrozenDictionary<string, QueueWork> _work = FrozenDictionary<string, QueueWork>.Empty;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _work = queues.ToFrozenDictionary(
            queue => queue.Name,
            queue => new QueueWork(queue, (IJobHandler)services.GetRequiredService(queue.Handler), store, metrics, time, logger, Changed, gate));
        if (_work.Count == 0)
        {
            return;
        }

        using var abandoned = new CancellationTokenSource();
        var stores = _work.Values.Select(work => work.StoreAsync(abandoned.Token)).ToList();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, gate?.Draining ?? CancellationToken.None);
        await Task.WhenAll(
            LoopAsync(PollAsync, stop.Token),
            LoopAsync(RenewAsync, stoppingToken),
            LoopAsync(CountAsync, stop.Token));

        // The drain is over: ended jobs are stored, and the others are released for another worker to start again.
        await Task.WhenAll(_work.Values.Select(work => work.CloseAsync()));
        abandoned.CancelAfter(StopPatience);
        await Task.WhenAll(stores).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await ReleaseAsync(abandoned.Token);
    }

    /// <summary>Repeats a step, which returns the time to wait until the next one. Any exception is retried: a worker whose loop ended would run no jobs.</summary>
    private async Task LoopAsync(Func<CancellationToken, Task<TimeSpan>> step, CancellationToken cancellationToken)
    {
        var isFailing = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            TimeSpan pause;
            try
            {
                pause = await step(cancellationToken);
                isFailing = false;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                if (!isFailing)
                {
                    Failed(exception);
                }

                (isFailing, pause) = (true, Away);
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<TimeSpan> PollAsync(CancellationToken cancellationToken)
    {
        // The end of a job frees room, and may have added jobs.
        await _changed.WaitAsync(TimeSpan.Zero, cancellationToken);
        var claimed = 0;
        foreach (var due in (await store.DueAsync(cancellationToken)).ToLookup(lane => lane.Queue))
        {
            // Queues of a newer version are left to workers of that version.
            if (_work.TryGetValue(due.Key, out var work))
            {
                foreach (var lanes in work.Room(due).Chunk(LanesTogether))
                {
                    claimed += await ClaimAsync(work, lanes, cancellationToken);
                }
            }
        }

        if (claimed == 0)
        {
            await _changed.WaitAsync(Idle, cancellationToken);
        }

        return Pace;
    }

    private async Task<int> ClaimAsync(QueueWork work, IReadOnlyList<(string Lane, int Count)> lanes, CancellationToken cancellationToken)
    {
        var jobs = await store.ClaimAsync(work.Queue.Name, lanes, work.Holds, cancellationToken);
        if (jobs.Count > 0)
        {
            work.Begin(jobs, gate?.Draining ?? CancellationToken.None);
        }

        return jobs.Count;
    }

    private async Task<TimeSpan> RenewAsync(CancellationToken cancellationToken)
    {
        var held = _work.Values.SelectMany(work => work.HeldIds.Select(id => (work, id))).ToList();
        if (held.Count > 0)
        {
            var renewed = await store.RenewAsync([.. held.Select(pair => pair.id)], cancellationToken);
            foreach (var (work, id) in held.Where(pair => !renewed.Contains(pair.id)))
            {
                work.Lose(id);
            }
        }

        return options.JobLease / 4;
    }

    private async Task<TimeSpan> CountAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        metrics.Counted(await db.Jobs
            .GroupBy(job => new { job.State, job.Queue })
            .Select(group => new JobCount(group.Key.Queue, group.Key.State, group.LongCount()))
            .ToListAsync(cancellationToken));
        return CountEvery;
    }

    private async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        string[] held = [.. _work.Values.SelectMany(work => work.HeldIds)];
        if (held.Length == 0)
        {
            return;
        }

        try
        {
            await store.ReleaseAsync(held, cancellationToken);
            JobsReleased(held.Length);
        }
        catch (Exception exception)
        {
            // Their leases expire by themselves.
            QueueAway(exception.GetBaseException().Message);
        }
    }

    private void Failed(Exception exception)
    {
        if (exception is DbException || DatabaseAway.Is(exception))
        {
            QueueAway(exception.GetBaseException().Message);
        }
        else
        {
            QueueFailed(exception);
        }
    }

    private void Changed()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // The poller has already been notified.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The job queue cannot be reached; retrying: {Reason}")]
    private partial void QueueAway(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The job queue failed unexpectedly; retrying.")]
    private partial void QueueFailed(Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "Released {Count} unfinished job(s) to the queue.")]
    private partial void JobsReleased(int count);
}
