using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes the <c>routing</c> object of native answers: the backend that answered, earlier failures, and times in milliseconds.</summary>
internal static class RoutingJsonWriter
{
    public static void Write(Utf8JsonWriter writer, CallResult result)
    {
        writer.WriteStartObject("routing"u8);
        writer.WriteString("backend_id"u8, result.Backend.Id);
        writer.WriteNumber("attempts"u8, result.Attempts);
        writer.WriteNumber("latency_ms"u8, result.LatencyMs);
        writer.WriteNumber("gateway_ms"u8, Math.Round(result.GatewayTook.TotalMilliseconds, 3));
        if (result.Failures.Count > 0)
        {
            writer.WriteStartArray("failed_attempts"u8);
            foreach (var failure in result.Failures)
            {
                writer.WriteStartObject();
                writer.WriteString("backend_id"u8, failure.BackendId);
                writer.WriteString("outcome"u8, failure.Failure.Label());
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }
}
