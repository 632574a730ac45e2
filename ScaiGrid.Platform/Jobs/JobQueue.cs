using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Declares a kind of queued work: who does it, and how much of it at once.</summary>
/// <param name="Name">Lower case, stored with each job.</param>
/// <param name="Handler">An <see cref="IJobHandler"/>, a singleton of the worker.</param>
/// <param name="Concurrency">Jobs that one worker holds at a time.</param>
/// <param name="MaxAttempts">After which a job that goes on failing is dead.</param>
internal sealed record JobQueue(string Name, Type Handler, int Concurrency, int MaxAttempts)
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(10);

    public static JobQueue Of<T>(string name, int concurrency, int maxAttempts = 10)
        where T : IJobHandler => new(name, typeof(T), concurrency, maxAttempts);

    /// <summary>Until a job that failed is tried again: 1 s, 2 s, 4 s … 10 minutes.</summary>
    public static TimeSpan DelayAfter(int attempts) =>
        TimeSpan.FromSeconds(Math.Min(LongestDelay.TotalSeconds, Math.Pow(2, Math.Clamp(attempts - 1, 0, 20))));
}

/// <summary>Does the work of one queue.</summary>
internal interface IJobHandler
{
    /// <summary>
    /// Works on jobs that were claimed together and ends each. One that is not ended when this returns, or throws, has failed. Work may
    /// be done again, by another worker, when this one dies or loses the database: it must bear that.
    /// </summary>
    Task RunAsync(IReadOnlyList<ClaimedJob> jobs);

    /// <summary>The most jobs of a lane that this worker holds at a time.</summary>
    int LaneLimit(string lane) => int.MaxValue;

    /// <summary>
    /// What is stored in the one transaction that also ends the jobs. Only for jobs that are still this worker's, so it happens once for
    /// each. Nothing but database work, since it runs again after a deadlock.
    /// </summary>
    Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>How a job ended, to be stored.</summary>
internal sealed record EndedJob(ClaimedJob Job, JobEnd End);

/// <param name="Kind">What becomes of the job.</param>
/// <param name="Delay">Until the next attempt; null for the queue's own.</param>
/// <param name="Error">Why it failed, for people.</param>
/// <param name="Result">The handler's own, for <see cref="IJobHandler.StoreAsync"/>.</param>
internal sealed record JobEnd(JobEndKind Kind, TimeSpan? Delay = null, string? Error = null, object? Result = null)
{
    public static JobEnd Done(object? result = null) => new(JobEndKind.Done, Result: result);

    /// <summary>Failed, to be tried again until the queue's last attempt.</summary>
    public static JobEnd Failed(string error) => new(JobEndKind.Failed, Error: error);

    /// <summary>To be done again later, as often as the handler likes: that is no failure, and costs no attempt.</summary>
    public static JobEnd Again(TimeSpan delay, string? error = null, object? result = null) => new(JobEndKind.Again, delay, error, result);

    /// <summary>Not worked on: another worker may have it at once.</summary>
    public static JobEnd Released() => new(JobEndKind.Released);
}

internal enum JobEndKind
{
    Done,
    Failed,
    Again,
    Released,
}
