using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Counts calls other than inference in a rolling window, over all replicas. While Redis is unavailable, each process counts by itself;
/// FailClosed does not apply, because these calls cost nothing upstream and operators need the control plane most during a failure.
/// </summary>
internal sealed partial class WindowLimiter(AdmissionStore store, TimeProvider time, ILogger<WindowLimiter> logger)
{
    private readonly LocalLimiter _local = new(time);

    /// <returns>The state of the full window; null if the call may continue.</returns>
    public async ValueTask<RateLimitState?> CountAsync(string owner, string level, string id, int requests)
    {
        var part = new AdmissionPart(owner, [new LimitWindow(AdmissionKeys.Window(owner, level, id), new RateLimit(requests, 0))], []);
        if (store.IsUsable)
        {
            try
            {
                var answer = await store.AdmitAloneAsync(part, time.GetUtcNow());
                return answer.IsAdmitted ? null : new RateLimitState(requests, 0, Reset: answer[3], Now: answer[1]);
            }
            catch (Exception exception) when (RedisAway.Is(exception))
            {
                if (store.Failed())
                {
                    CountingFailed(exception.Message);
                }
            }
        }

        var (isAdmitted, limits) = _local.TryEnter(part, tokens: 0);
        return isAdmitted ? null : limits;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis does not answer: each process limits calls by itself. {Reason}")]
    private partial void CountingFailed(string reason);
}
