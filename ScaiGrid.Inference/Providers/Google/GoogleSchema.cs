using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Writes JSON schemas that the upstream enforces. It silently ignores unknown keywords, including <c>const</c>, which is therefore written
/// as an <c>enum</c> of one value.
/// </summary>
internal static class GoogleSchema
{
    public static void Write(Utf8JsonWriter writer, JsonElement schema)
    {
        // Most schemas have no const, and are sent unchanged.
        if (schema.ValueKind != JsonValueKind.Object || schema.Raw().IndexOf("\"const\""u8) < 0)
        {
            writer.WriteRawValue(schema.Raw(), skipInputValidation: true);
            return;
        }

        var hasList = schema.TryGetProperty("enum"u8, out _);
        writer.WriteStartObject();
        foreach (var keyword in schema.EnumerateObject())
        {
            WriteKeyword(writer, keyword, hasList);
        }

        writer.WriteEndObject();
    }

    private static void WriteKeyword(Utf8JsonWriter writer, JsonProperty keyword, bool hasList)
    {
        var value = keyword.Value;
        switch (keyword.Name)
        {
            case "const" when value.ValueKind is JsonValueKind.String or JsonValueKind.Number && !hasList:
                writer.WriteStartArray("enum"u8);
                writer.WriteRawValue(value.Raw(), skipInputValidation: true);
                writer.WriteEndArray();
                break;
            case "properties" or "$defs" or "definitions" when value.ValueKind == JsonValueKind.Object:
                writer.WriteStartObject(keyword.Name);
                foreach (var named in value.EnumerateObject())
                {
                    writer.WritePropertyName(named.Name);
                    Write(writer, named.Value);
                }

                writer.WriteEndObject();
                break;
            case "anyOf" or "oneOf" or "allOf" or "prefixItems" when value.ValueKind == JsonValueKind.Array:
                writer.WriteStartArray(keyword.Name);
                foreach (var one in value.EnumerateArray())
                {
                    Write(writer, one);
                }

                writer.WriteEndArray();
                break;
            case "items" or "additionalProperties":
                writer.WritePropertyName(keyword.Name);
                Write(writer, value);
                break;
            default:
                writer.WriteProperty(keyword);
                break;
        }
    }
}
