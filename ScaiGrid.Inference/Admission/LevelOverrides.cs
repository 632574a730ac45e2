namespace ScaiGrid.Inference.Admission;

/// <summary>A tenant's own limits; for a partner, only <paramref name="Partner"/> is used.</summary>
public sealed record LevelOverrides(RateLimitOverride Key, RateLimitOverride User, RateLimitOverride Tenant, RateLimitOverride Partner);
