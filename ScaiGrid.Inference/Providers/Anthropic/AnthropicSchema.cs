using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Writes JSON schemas that the model's output is constrained to. The upstream rejects keywords that it cannot enforce, so they are moved to
/// the description, as Anthropic's own libraries do. An object that names its properties is closed. Unsupported keywords that change a schema's
/// shape are refused here, as is an object that is open on purpose: closed, it could hold nothing.
/// </summary>
/// <param name="request">Records what cannot be expressed.</param>
/// <param name="writer">The writer for the schemas.</param>
internal sealed class AnthropicSchema(RequestDocument request, Utf8JsonWriter writer)
{
    private const string IsUnknown = "is a keyword that this model's structured output does not support.";

    private static readonly FrozenSet<string> Bounds = FrozenSet.Create(
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems",
        "minContains", "maxContains", "minProperties", "maxProperties", "examples");

    private static readonly FrozenSet<string> Remarks = FrozenSet.Create("$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly");

    private static readonly FrozenSet<string> Formats = FrozenSet.Create(
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid");

    private static readonly FrozenSet<string> Shapes = FrozenSet.Create(
        "patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas", "dependentRequired", "contains", "not", "if", "then", "else");

    /// <summary>Writes the schema of the output.</summary>
    /// <param name="schema">The caller's schema.</param>
    /// <param name="path">The schema's path in the request.</param>
    public void Write(JsonElement schema, string path) => Write(schema, new Place(null, path));

    private void Write(JsonElement schema, Place place)
    {
        if (schema.ValueKind == JsonValueKind.Object)
        {
            Write(schema, isInput: false, place);
        }
        else
        {
            writer.WriteRawValue(schema.Raw(), skipInputValidation: true);
        }
    }

    /// <summary>Writes the schema of a function's input, which defaults to an object if it names no type.</summary>
    public void WriteInput(JsonElement function, bool isStrict, string path)
    {
        if (!function.TryGetObject("parameters"u8, out var parameters))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "object"u8);
            if (isStrict)
            {
                writer.WriteBoolean("additionalProperties"u8, false);
            }

            writer.WriteEndObject();
        }
        else if (isStrict)
        {
            Write(parameters, isInput: true, new Place(null, path));
        }
        else if (parameters.TryGetProperty("type"u8, out _))
        {
            writer.WriteRawValue(parameters.Raw(), skipInputValidation: true);
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

    private void Write(JsonElement schema, bool isInput, Place place)
    {
        writer.WriteStartObject();
        if (isInput && !schema.TryGetProperty("type"u8, out _))
        {
            writer.WriteString("type"u8, "object"u8);
        }

        var told = new StringBuilder();
        foreach (var property in schema.EnumerateObject())
        {
            WriteKeyword(property, told, place);
        }

        if (schema.TryGetProperty("oneOf"u8, out _) && schema.TryGetProperty("anyOf"u8, out _))
        {
            // oneOf is written as anyOf, so the two would collide.
            request.Refuse($"{place}.oneOf", "is combined with anyOf, which this model does not support.");
        }

        WriteDescription(schema, told);
        if (IsOpen(schema, isInput))
        {
            // An input without properties takes no arguments; any other object without properties could hold nothing once closed.
            if (!isInput && !NamesProperties(schema))
            {
                request.Refuse(place.ToString(), "is an object with arbitrary properties, which this model's structured output does not support.");
            }

            writer.WriteBoolean("additionalProperties"u8, false);
        }

        writer.WriteEndObject();
    }

    private void WriteKeyword(JsonProperty keyword, StringBuilder told, Place place)
    {
        var value = keyword.Value;
        switch (keyword.Name)
        {
            case "description":
            case "additionalProperties" when IsAnything(value):
            case var name when Remarks.Contains(name):
                break;
            case var name when Shapes.Contains(name):
            case "additionalProperties" when value.ValueKind == JsonValueKind.Object:
                request.Refuse($"{place}.{keyword.Name}", IsUnknown);
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
                    Write(named.Value, place.Of(keyword.Name).Of(named.Name));
                }

                writer.WriteEndObject();
                break;
            case "anyOf" or "oneOf" or "allOf" when value.ValueKind == JsonValueKind.Array:
                // The upstream does not support oneOf's exclusivity.
                writer.WriteStartArray(keyword.Name == "oneOf" ? "anyOf" : keyword.Name);
                foreach (var one in value.EnumerateArray())
                {
                    Write(one, place.Of(keyword.Name));
                }

                writer.WriteEndArray();
                break;
            case "items":
                writer.WritePropertyName("items"u8);
                Write(value, place.Of("items"));
                break;
            default:
                writer.WriteProperty(keyword);
                break;
        }
    }

    private void WriteDescription(JsonElement schema, StringBuilder told)
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

    private static bool IsOpen(JsonElement schema, bool isInput) =>
        (isInput || NamesProperties(schema) || JsonText.Of(schema, "type"u8) == "object")
        && (!schema.TryGetProperty("additionalProperties"u8, out var others) || IsAnything(others));

    private static bool NamesProperties(JsonElement schema) =>
        schema.TryGetObject("properties"u8, out var properties) && properties.EnumerateObject().MoveNext();

    // True, or a schema without constraints.
    private static bool IsAnything(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.True || (schema.ValueKind == JsonValueKind.Object && !schema.EnumerateObject().MoveNext());

    /// <summary>A schema's path. The string is built only if something is refused, which is rare.</summary>
    private sealed record Place(Place? Outer, string Name)
    {
        public Place Of(string name) => new(this, name);

        public override string ToString() => Outer is null ? Name : $"{Outer}.{Name}";
    }
}
