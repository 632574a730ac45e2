namespace ScaiGrid.Platform.Jobs;

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
