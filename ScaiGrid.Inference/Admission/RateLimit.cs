namespace ScaiGrid.Inference.Admission;

/// <summary>What may be used within any 60 seconds. 0 is no limit.</summary>
public readonly record struct RateLimit(int Requests, long Tokens)
{
    public const long MaxTokens = 1_000_000_000_000;

    public bool IsNone => Requests == 0 && Tokens == 0;
}

/// <summary>The limits of the four levels. The strictest of those that apply to a call decides.</summary>
public sealed record LevelLimits(RateLimit Key, RateLimit User, RateLimit Tenant, RateLimit Partner);

/// <summary>Limits that replace the installation's; null keeps those.</summary>
/// <param name="Requests">Calls a minute.</param>
/// <param name="Tokens">Tokens a minute.</param>
public readonly record struct RateLimitOverride(int? Requests, long? Tokens)
{
    public RateLimit Over(RateLimit limit) => new(Requests ?? limit.Requests, Tokens ?? limit.Tokens);
}

/// <summary>A tenant's own limits; of a partner, only <paramref name="Partner"/> counts.</summary>
public sealed record LevelOverrides(RateLimitOverride Key, RateLimitOverride User, RateLimitOverride Tenant, RateLimitOverride Partner);

/// <summary>How near a call came to the strictest limit, for the caller to see.</summary>
/// <param name="Limit">Calls a minute; 0 where there is no limit.</param>
/// <param name="Remaining">Calls that are left now.</param>
/// <param name="Reset">Unix second at which the oldest calls of the window no longer count.</param>
/// <param name="Now">Unix second of the answer.</param>
public readonly record struct RateLimitState(long Limit, long Remaining, long Reset, long Now)
{
    /// <summary>The same for tokens.</summary>
    public long TokenLimit { get; init; }

    public long TokenRemaining { get; init; }

    public long TokenReset { get; init; }
}
