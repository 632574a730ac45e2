using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;

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

/// <summary>The surfaces, as metrics and accounting name them.</summary>
public static class Protocols
{
    public const string Native = "native";
    public const string OpenAi = "openai";
    public const string Grpc = "grpc";
}

/// <summary>The result of an answered call.</summary>
/// <param name="Model">The frontend model.</param>
/// <param name="Backend">The backend that answered.</param>
/// <param name="Attempts">The number of backends tried, including the one that answered.</param>
/// <param name="LatencyMs">Milliseconds from acceptance to the end of the answer.</param>
/// <param name="GatewayTook">The time until the answer began, without the time spent waiting for upstreams.</param>
/// <param name="Failures">The earlier, failed attempts.</param>
/// <param name="Usage">The billed usage.</param>
public readonly record struct CallResult(
    ModelRoute Model, Backend Backend, int Attempts, long LatencyMs, TimeSpan GatewayTook, IReadOnlyList<FailedAttempt> Failures, TokenUsage Usage);
