using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Scheduling;

namespace ScaiGrid.Platform.Jobs;

/// <summary>The jobs of one queue that this worker holds, from their claim until their end is stored.</summary>
internal sealed partial class QueueWork(
    JobQueue queue, IJobHandler handler, JobStore store, JobMetrics metrics, TimeProvider time, ILogger logger, Action changed, IWorkGate? gate)
{
    private const int StoredTogether = 500;
    private static readonly TimeSpan StoreEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan RetryStoreAfter = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, ClaimedJob> _held = new();
    private readonly ConcurrentDictionary<string, int> _running = new();
    private readonly Channel<EndedJob> _ended = Channel.CreateUnbounded<EndedJob>(new UnboundedChannelOptions { SingleReader = true });

    public JobQueue Queue => queue;

    public IReadOnlyCollection<string> HeldIds => [.. _held.Keys];

    public bool Holds(string id) => _held.ContainsKey(id);

    /// <summary>
    /// How many jobs to claim from each of the due lanes. Tenants with fewer running jobs come first, so that many lanes of one do not keep the others waiting.
    /// </summary>
    public IReadOnlyList<(string Lane, int Count)> Room(IEnumerable<DueLane> lanes)
    {
        var room = queue.Concurrency - _held.Count;
        var running = _held.Values.CountBy(job => job.TenantId ?? "").ToDictionary();
        var wanted = new List<(string, int)>();
        foreach (var lane in lanes.OrderBy(due => running.GetValueOrDefault(due.TenantId ?? "")).Select(due => due.Lane))
        {
            var count = Math.Min(handler.LaneLimit(lane) - _running.GetValueOrDefault(lane), room);
            if (count > 0)
            {
                wanted.Add((lane, count));
                room -= count;
            }
        }

        return wanted;
    }

    /// <summary>Starts claimed jobs, and returns at once.</summary>
    public void Begin(IReadOnlyList<ClaimedJob> jobs, CancellationToken draining)
    {
        var startedAt = time.GetTimestamp();
        foreach (var job in jobs)
        {
            _held[job.Id] = job;
            _running.AddOrUpdate(job.Lane, 1, (_, count) => count + 1);
            job.Begin((ended, end) => Ended(ended, end, startedAt), draining);
        }

        _ = RunAsync(jobs);
    }

    /// <summary>Stores the ends of jobs, many at a time, until the channel is closed.</summary>
    public async Task StoreAsync(CancellationToken cancellationToken)
    {
        while (await _ended.Reader.WaitToReadAsync(cancellationToken))
        {
            await Task.Delay(StoreEvery, time, cancellationToken);
            var ended = new List<EndedJob>();
            while (ended.Count < StoredTogether && _ended.Reader.TryRead(out var next))
            {
                ended.Add(next);
            }

            await StoreAsync(ended, cancellationToken);
            changed();
        }
    }

    public void Lose(string id)
    {
        if (_held.TryGetValue(id, out var job) && !job.IsEnded)
        {
            JobLost(id, queue.Name);
            job.Lose();
        }
    }

    /// <summary>Stops all running jobs; ends that were reported before are the last ones that are stored.</summary>
    public async Task CloseAsync()
    {
        foreach (var job in _held.Values.Where(job => !job.IsEnded))
        {
            job.Lose();
        }

        for (var i = 0; i < 20 && _held.Values.Any(job => !job.IsEnded); i++)
        {
            await Task.Delay(StoreEvery, time);
        }

        _ended.Writer.TryComplete();
    }

    private async Task RunAsync(IReadOnlyList<ClaimedJob> jobs)
    {
        // Leaves the poller's thread: a handler may compute before its first await.
        await Task.Yield();
        if (gate?.TryEnter() == false)
        {
            EndAll(jobs, JobEnd.Released());
            return;
        }

        try
        {
            // A job that was claimed more often than allowed has crashed its workers.
            var tried = jobs.Where(job => job.Attempts > queue.MaxAttempts).ToList();
            EndAll(tried, JobEnd.Failed("Its workers ended before it did."));
            if (tried.Count < jobs.Count)
            {
                await handler.RunAsync(tried.Count == 0 ? jobs : [.. jobs.Except(tried)]);
            }

            EndAll(jobs, JobEnd.Failed("Its handler did not end it."));
        }
        catch (Exception exception)
        {
            // The failure of a lost job, or of a stopping worker, means nothing.
            var failed = jobs.Where(job => !job.IsEnded && !job.Lost.IsCancellationRequested).ToList();
            if (failed.Count > 0)
            {
                JobsFailed(string.Join(", ", failed.Select(job => job.Id)), queue.Name, DatabaseAway.Is(exception) ? null : exception);
            }

            EndAll(failed, JobEnd.Failed(Why(exception)));
            EndAll(jobs, JobEnd.Released());
        }
        finally
        {
            gate?.Exit();
        }
    }

    /// <summary>The error is shown to tenants' administrators: texts of databases and libraries are only logged.</summary>
    private static string Why(Exception exception) =>
        exception is ApiException ? exception.Message
        : DatabaseAway.Is(exception) ? "The database was out of reach."
        : "It failed unexpectedly; the worker's log says how.";

    private static void EndAll(IEnumerable<ClaimedJob> jobs, JobEnd end)
    {
        foreach (var job in jobs)
        {
            job.End(end);
        }
    }

    private void Ended(ClaimedJob job, JobEnd end, long startedAt)
    {
        metrics.Ended(queue.Name, end.Kind, time.GetElapsedTime(startedAt));
        if (_running.AddOrUpdate(job.Lane, 0, (_, count) => count - 1) == 0)
        {
            _running.TryRemove(KeyValuePair.Create(job.Lane, 0));
        }

        // If the channel is closed, it is too late to store it: the job is still held, and released with the others.
        _ended.Writer.TryWrite(new EndedJob(job, end));
    }

    private async Task StoreAsync(List<EndedJob> ended, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await store.EndAsync(queue, handler, ended, cancellationToken);
                break;
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                // Ends are kept while the database is unavailable. One that cannot be stored for another reason must not hold up the others.
                if (attempt == 1)
                {
                    EndsNotStored(ended.Count, queue.Name, DatabaseAway.Is(exception) ? null : exception);
                }

                if (!DatabaseAway.Is(exception))
                {
                    ended = ended.ConvertAll(end => end with { End = JobEnd.Failed(Why(exception)) });
                    if (attempt > 3)
                    {
                        break;
                    }
                }
            }

            await Task.Delay(RetryStoreAfter, time, cancellationToken);
        }

        foreach (var end in ended)
        {
            _held.TryRemove(KeyValuePair.Create(end.Job.Id, end.Job));
            end.Job.Dispose();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {JobId} of {Queue} has been taken over by another worker.")]
    private partial void JobLost(string jobId, string queue);

    [LoggerMessage(Level = LogLevel.Error, Message = "Jobs of {Queue} failed: {JobIds}.")]
    private partial void JobsFailed(string jobIds, string queue, Exception? exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The results of {Count} job(s) of {Queue} cannot be stored yet.")]
    private partial void EndsNotStored(int count, string queue, Exception? exception);
}
