using System.Text.Json;
using System.Text.Json.Serialization;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>Writes the parts that the echo's documents share.</summary>
internal static class EchoJson
{
    /// <summary>Starts a document and its <c>choices</c>.</summary>
    public static void Start(Utf8JsonWriter writer, string model, long created, ReadOnlySpan<byte> type)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, "chatcmpl-echo"u8);
        writer.WriteString("object"u8, type);
        writer.WriteNumber("created"u8, created);
        writer.WriteString("model"u8, model);
        writer.WriteStartArray("choices"u8);
    }

    /// <param name="writer">A writer positioned inside the message or delta.</param>
    /// <param name="name">The function's name.</param>
    /// <param name="arguments">The arguments as JSON text.</param>
    /// <param name="index">The call's index; only in streams.</param>
    public static void ToolCall(Utf8JsonWriter writer, string name, string arguments, int? index)
    {
        writer.WriteStartArray("tool_calls"u8);
        writer.WriteStartObject();
        if (index is { } position)
        {
            writer.WriteNumber("index"u8, position);
        }

        writer.WriteString("id"u8, "call_echo"u8);
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        writer.WriteString("name"u8, name);
        writer.WriteString("arguments"u8, arguments);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndArray();
    }
}

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class EchoJsonContext : JsonSerializerContext;
