using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Who calls, over which surface, and since when.</summary>
/// <param name="Caller">The authenticated caller.</param>
/// <param name="RequestId">For answers, logs and accounting.</param>
/// <param name="Protocol">One of <see cref="Protocols"/>.</param>
/// <param name="StartedAt">Timestamp of <see cref="TimeProvider.GetTimestamp"/> when the request was accepted.</param>
/// <param name="Origin">Scheme and host that the caller used, for links in the answer.</param>
/// <param name="ShowLimits">Told how near the caller is to its rate limits, before anything is answered; null where nobody is.</param>
/// <param name="ShowRouting">Told who answers, or who was asked last where nobody does, before the first byte; null where the surface does not show it.</param>
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

/// <summary>What an answered call came to.</summary>
/// <param name="Model">The frontend model.</param>
/// <param name="Backend">Who answered.</param>
/// <param name="Attempts">Backends tried, the one that answered included.</param>
/// <param name="LatencyMs">From acceptance to the end of the answer.</param>
/// <param name="GatewayTook">Of that, until the answer was there, what was not waiting for upstreams.</param>
/// <param name="Failures">The backends that failed before it.</param>
/// <param name="Usage">What is billed.</param>
public readonly record struct CallResult(
    ModelRoute Model, Backend Backend, int Attempts, long LatencyMs, TimeSpan GatewayTook, IReadOnlyList<FailedAttempt> Failures, TokenUsage Usage);
