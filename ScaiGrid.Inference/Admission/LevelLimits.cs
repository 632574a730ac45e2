namespace ScaiGrid.Inference.Admission;

/// <summary>The limits of the four levels. The strictest one that applies to a call decides.</summary>
public sealed record LevelLimits(RateLimit Key, RateLimit User, RateLimit Tenant, RateLimit Partner);
