namespace ScaiGrid.Inference.Admission;

/// <summary>The state of the strictest limit of a call, shown to the caller.</summary>
/// <param name="Limit">Calls per minute; 0 if there is no limit.</param>
/// <param name="Remaining">Calls left at the moment.</param>
/// <param name="Reset">Unix second at which the oldest calls of the window no longer count.</param>
/// <param name="Now">Unix second of the answer.</param>
public readonly record struct RateLimitState(long Limit, long Remaining, long Reset, long Now)
{
    /// <summary>Seconds until the reset; for a refused call.</summary>
    public int RetryAfterSeconds => (int)Math.Max(Reset - Now, 1);

    /// <summary>Tokens per minute; 0 if there is no limit.</summary>
    public long TokenLimit { get; init; }

    public long TokenRemaining { get; init; }

    public long TokenReset { get; init; }
}
