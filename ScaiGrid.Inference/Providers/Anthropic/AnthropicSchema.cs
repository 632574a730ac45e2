using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// JSON schemas that the model is held to. The upstream refuses a schema with a bound that it cannot hold the model to: what it is becomes
/// part of the description, as the vendor's own libraries do it. An object is closed where it names its properties. What gives a schema
/// another shape, and is not known there, is refused here: an object that is open on purpose, since the model could say nothing in a closed one.
/// </summary>
/// <param name="request">Gets what cannot be said.</param>
/// <param name="writer">Gets the schemas.</param>
internal sealed class AnthropicSchema(RequestDocument request, Utf8JsonWriter writer)
{
    private const string IsUnknown = "is a keyword that this model cannot be held to.";

    private static readonly FrozenSet<string> Bounds = FrozenSet.Create(
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems",
        "minContains", "maxContains", "minProperties", "maxProperties", "examples");

    private static readonly FrozenSet<string> Remarks = FrozenSet.Create("$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly");

    private static readonly FrozenSet<string> Formats = FrozenSet.Create(
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid");

    private static readonly FrozenSet<string> Shapes = FrozenSet.Create(
        "patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas", "dependentRequired", "contains", "not", "if", "then", "else");

    /// <summary>Writes a schema for output.</summary>
    /// <param name="schema">The caller's.</param>
    /// <param name="path">Where it stands.</param>
    public void Write(JsonElement schema, string path) => Write(schema, new Place(null, path));

    private void Write(JsonElement schema, Place place)
    {
        if (schema.ValueKind == JsonValueKind.Object)
        {
            Write(schema, isInput: false, place);
        }
        else
        {
            writer.WriteRawValue(RequestDocument.Raw(schema), skipInputValidation: true);
        }
    }

    /// <summary>Writes the schema of a function's input, which is an object wherever it does not say so.</summary>
    public void WriteInput(JsonElement function, bool isStrict, string path)
    {
        if (!RequestDocument.TryGetObject(function, "parameters"u8, out var parameters))
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
            // Both would be the one that is known there.
            request.Refuse($"{place}.oneOf", "stands beside anyOf, where this model takes one of them.");
        }

        WriteDescription(schema, told);
        if (IsOpen(schema, isInput))
        {
            // A function's input that names nothing has nothing in it; elsewhere the model would be kept from saying anything.
            if (!isInput && !NamesProperties(schema))
            {
                request.Refuse(place.ToString(), "is an object of any properties, which this model cannot be held to.");
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
                // What excludes each other is not told apart there.
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
        RequestDocument.TryGetObject(schema, "properties"u8, out var properties) && properties.EnumerateObject().MoveNext();

    // True, or a schema that says nothing.
    private static bool IsAnything(JsonElement schema) =>
        schema.ValueKind == JsonValueKind.True || (schema.ValueKind == JsonValueKind.Object && !schema.EnumerateObject().MoveNext());

    /// <summary>Where a schema stands. It is put together only where something is refused: most never are.</summary>
    private sealed record Place(Place? Outer, string Name)
    {
        public Place Of(string name) => new(this, name);

        public override string ToString() => Outer is null ? Name : $"{Outer}.{Name}";
    }
}
