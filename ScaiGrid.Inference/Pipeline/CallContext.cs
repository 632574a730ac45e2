using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The caller, surface and start time of a call.</summary>
/// <param name="Caller">The authenticated caller.</param>
/// <param name="RequestId">The request id for answers, logs and accounting.</param>
/// <param name="Protocol">One of <see cref="Protocols"/>.</param>
/// <param name="StartedAt">Timestamp of <see cref="TimeProvider.GetTimestamp"/> when the request was accepted.</param>
/// <param name="Origin">Scheme and host that the caller used, for links in the answer.</param>
/// <param name="ShowLimits">Receives the state of the caller's rate limits before the answer begins; null if not needed.</param>
/// <param name="ShowRouting">Receives the call before the first byte, with its answering or last asked backend; null if the surface does not show it.</param>
public readonly record struct CallContext(
    Caller Caller,
    string RequestId,
    string Protocol,
    long StartedAt,
    string? Origin = null,
    Action<RateLimitState>? ShowLimits = null,
    Action<InferenceCall>? ShowRouting = null);
