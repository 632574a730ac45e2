namespace ScaiGrid.Inference.Admission;

/// <summary>The limits within any 60 seconds; 0 means no limit.</summary>
public readonly record struct RateLimit(int Requests, long Tokens)
{
    public const long MaxTokens = 1_000_000_000_000;

    public bool IsNone => Requests == 0 && Tokens == 0;
}

/// <summary>The limits of the four levels. The strictest one that applies to a call decides.</summary>
public sealed record LevelLimits(RateLimit Key, RateLimit User, RateLimit Tenant, RateLimit Partner);

/// <summary>Replaces the installation's limits; null keeps them.</summary>
/// <param name="Requests">Calls a minute.</param>
/// <param name="Tokens">Tokens a minute.</param>
public readonly record struct RateLimitOverride(int? Requests, long? Tokens)
{
    public RateLimit Over(RateLimit limit) => new(Requests ?? limit.Requests, Tokens ?? limit.Tokens);
}

/// <summary>A tenant's own limits; for a partner, only <paramref name="Partner"/> is used.</summary>
public sealed record LevelOverrides(RateLimitOverride Key, RateLimitOverride User, RateLimitOverride Tenant, RateLimitOverride Partner);

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
