using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// JSON schemas that the model is held to. The upstream refuses a schema with a bound that it cannot hold the model to: what it is becomes
/// part of the description, as the vendor's own libraries do it. An object is closed where it names its properties; one that is open
/// on purpose is left for the upstream to refuse, since the model could say nothing in a closed one.
/// </summary>
internal static class AnthropicSchema
{
    private static readonly FrozenSet<string> Bounds = FrozenSet.Create(
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems",
        "minContains", "maxContains", "minProperties", "maxProperties", "examples");

    private static readonly FrozenSet<string> Remarks = FrozenSet.Create("$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly");

    private static readonly FrozenSet<string> Formats = FrozenSet.Create(
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid");

    /// <summary>Writes a schema for output, or for a tool with <c>strict</c>.</summary>
    public static void Write(Utf8JsonWriter writer, JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.Object)
        {
            Write(writer, schema, isInput: false);
        }
        else
        {
            writer.WriteRawValue(RequestDocument.Raw(schema), skipInputValidation: true);
        }
    }

    /// <summary>Writes the schema of a function's input, which is an object wherever it does not say so.</summary>
    public static void WriteInput(Utf8JsonWriter writer, JsonElement function, bool isStrict)
    {
        if (!RequestDocument.TryGetObject(function, "parameters"u8, out var parameters))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "object"u8);
            writer.WriteEndObject();
        }
        else if (isStrict)
        {
            Write(writer, parameters, isInput: true);
        }
        else if (parameters.TryGetProperty("type"u8, out _))
        {
            writer.WriteRawValue(RequestDocument.Raw(parameters), skipInputValidation: true);
        }
        else
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "object"u8);
            foreach (var property in parameters.EnumerateObject())
            {
                writer.WriteProperty(property);
            }

            writer.WriteEndObject();
        }
    }

    private static void Write(Utf8JsonWriter writer, JsonElement schema, bool isInput)
    {
        writer.WriteStartObject();
        if (isInput && !schema.TryGetProperty("type"u8, out _))
        {
            writer.WriteString("type"u8, "object"u8);
        }

        var told = new StringBuilder();
        foreach (var property in schema.EnumerateObject())
        {
            WriteKeyword(writer, property, told);
        }

        WriteDescription(writer, schema, told);
        if (IsToBeClosed(schema))
        {
            writer.WriteBoolean("additionalProperties"u8, false);
        }

        writer.WriteEndObject();
    }

    private static void WriteKeyword(Utf8JsonWriter writer, JsonProperty keyword, StringBuilder told)
    {
        var value = keyword.Value;
        switch (keyword.Name)
        {
            case "description":
            case "additionalProperties" when value.ValueKind == JsonValueKind.True:
            case var name when Remarks.Contains(name):
                break;
            case var name when Bounds.Contains(name):
            case "minItems" when value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var count) || count is not (0 or 1):
            case "format" when value.ValueKind != JsonValueKind.String || !Formats.Contains(JsonText.Of(value)):
                told.Append(told.Length > 0 ? ", " : "").Append(keyword.Name).Append(": ").Append(value.GetRawText());
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
            case "anyOf" or "oneOf" or "allOf" when value.ValueKind == JsonValueKind.Array:
                // What excludes each other is not told apart there.
                writer.WriteStartArray(keyword.Name == "oneOf" ? "anyOf" : keyword.Name);
                foreach (var one in value.EnumerateArray())
                {
                    Write(writer, one);
                }

                writer.WriteEndArray();
                break;
            case "items":
                writer.WritePropertyName("items"u8);
                Write(writer, value);
                break;
            default:
                writer.WriteProperty(keyword);
                break;
        }
    }

    private static void WriteDescription(Utf8JsonWriter writer, JsonElement schema, StringBuilder told)
    {
        var description = JsonText.Of(schema, "description"u8);
        if (told.Length > 0)
        {
            writer.WriteString("description"u8, description is null ? $"({told})" : $"{description} ({told})");
        }
        else if (description is not null)
        {
            writer.WriteString("description"u8, description);
        }
    }

    private static bool IsToBeClosed(JsonElement schema) =>
        RequestDocument.TryGetObject(schema, "properties"u8, out var properties) && properties.EnumerateObject().MoveNext()
        && (!schema.TryGetProperty("additionalProperties"u8, out var others) || others.ValueKind == JsonValueKind.True);
}
