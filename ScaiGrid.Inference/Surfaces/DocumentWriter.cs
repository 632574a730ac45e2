using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes the native surface's envelope around an answer's own fields.</summary>
internal static class DocumentWriter
{
    /// <summary>Opens the envelope and its <c>data</c>.</summary>
    public static void BeginData(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("status"u8, "ok"u8);
        writer.WriteStartObject("data"u8);
    }

    /// <summary>Writes <c>usage</c> and <c>routing</c>, and closes what <see cref="BeginData"/> opened.</summary>
    public static void EndData(Utf8JsonWriter writer, CallResult result)
    {
        UsageWriter.WriteNative(writer, result.Usage);
        RoutingJsonWriter.Write(writer, result);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
