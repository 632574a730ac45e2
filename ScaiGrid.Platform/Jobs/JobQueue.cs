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
