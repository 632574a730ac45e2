using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>A rolling window in which a caller's calls are counted.</summary>
public readonly record struct LimitWindow(RedisKey Key, RateLimit Limit);
