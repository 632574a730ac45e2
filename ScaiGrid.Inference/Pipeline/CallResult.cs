using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

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
