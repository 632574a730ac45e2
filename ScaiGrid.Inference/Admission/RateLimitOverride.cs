namespace ScaiGrid.Inference.Admission;

/// <summary>Replaces the installation's limits; null keeps them.</summary>
/// <param name="Requests">Calls a minute.</param>
/// <param name="Tokens">Tokens a minute.</param>
public readonly record struct RateLimitOverride(int? Requests, long? Tokens)
{
    public RateLimit Over(RateLimit limit) => new(Requests ?? limit.Requests, Tokens ?? limit.Tokens);
}
