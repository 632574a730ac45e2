using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Declares a kind of queued work.</summary>
/// <param name="Name">In lower case; stored with each job.</param>
/// <param name="Handler">An <see cref="IJobHandler"/>, registered as a singleton in the worker.</param>
/// <param name="Concurrency">The most jobs that one worker holds at a time.</param>
/// <param name="MaxAttempts">The number of failed attempts after which a job is dead.</param>
internal sealed record JobQueue(string Name, Type Handler, int Concurrency, int MaxAttempts)
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(10);

    public static JobQueue Of<T>(string name, int concurrency, int maxAttempts = 10)
        where T : IJobHandler => new(name, typeof(T), concurrency, maxAttempts);

    /// <summary>The delay after a failed attempt: 1 s, 2 s, 4 s … 10 minutes.</summary>
    public static TimeSpan DelayAfter(int attempts) =>
        TimeSpan.FromSeconds(Math.Min(LongestDelay.TotalSeconds, Math.Pow(2, Math.Clamp(attempts - 1, 0, 20))));
}

/// <summary>Runs the jobs of one queue.</summary>
internal interface IJobHandler
{
    /// <summary>
    /// Runs jobs that were claimed together, and ends each. A job that is not ended when this returns or throws has failed. A job may run again
    /// on another worker, if this one dies or loses the database: handlers must be idempotent.
    /// </summary>
    Task RunAsync(IReadOnlyList<ClaimedJob> jobs);

    /// <summary>The most jobs of a lane that this worker may hold at a time.</summary>
    int LaneLimit(string lane) => int.MaxValue;

    /// <summary>
    /// Stores the results in the transaction that also ends the jobs. Called only for jobs that this worker still holds, so each result is stored
    /// once. Must only use the database, because it is repeated after a deadlock.
    /// </summary>
    Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>A job's end, to be stored.</summary>
internal sealed record EndedJob(ClaimedJob Job, JobEnd End);

/// <param name="Kind">How the job ended.</param>
/// <param name="Delay">The delay until the next attempt; null for the queue's default.</param>
/// <param name="Error">The error, for people.</param>
/// <param name="Result">The handler's result, for <see cref="IJobHandler.StoreAsync"/>.</param>
internal sealed record JobEnd(JobEndKind Kind, TimeSpan? Delay = null, string? Error = null, object? Result = null)
{
    public static JobEnd Done(object? result = null) => new(JobEndKind.Done, Result: result);

    /// <summary>The job failed; it is retried until the queue's maximum number of attempts.</summary>
    public static JobEnd Failed(string error) => new(JobEndKind.Failed, Error: error);

    /// <summary>The job runs again later, any number of times: it is not a failure and does not count as an attempt.</summary>
    public static JobEnd Again(TimeSpan delay, string? error = null, object? result = null) => new(JobEndKind.Again, delay, error, result);

    /// <summary>The job was not run: another worker may claim it at once.</summary>
    public static JobEnd Released() => new(JobEndKind.Released);
}

internal enum JobEndKind
{
    Done,
    Failed,
    Again,
    Released,
}
