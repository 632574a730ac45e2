using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ScaiGrid.Core.Http;

/// <summary>
/// Reads free-form objects inside request bodies (<c>metadata</c>, <c>config</c> …). The built-in converter parses them on first access,
/// which is too late to report a duplicate name.
/// </summary>
internal sealed class DocumentConverter : JsonConverter<JsonObject>
{
    public override JsonObject? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType is not JsonTokenType.StartObject)
        {
            // The serializer adds the field's path.
            throw new JsonException();
        }

        return ReadObject(ref reader, "");
    }

    public override void Write(Utf8JsonWriter writer, JsonObject value, JsonSerializerOptions options) => value.WriteTo(writer, options);

    private static JsonObject ReadObject(ref Utf8JsonReader reader, string path)
    {
        var fields = new JsonObject();
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var field = $"{path}.{name}";
            reader.Read();
            if (!fields.TryAdd(name, ReadValue(ref reader, field)))
            {
                throw new DuplicateFieldException(field);
            }
        }

        return fields;
    }

    private static JsonArray ReadArray(ref Utf8JsonReader reader, string path)
    {
        var items = new JsonArray();
        while (reader.Read() && reader.TokenType is not JsonTokenType.EndArray)
        {
            items.Add(ReadValue(ref reader, $"{path}[{items.Count}]"));
        }

        return items;
    }

    private static JsonNode? ReadValue(ref Utf8JsonReader reader, string path) => reader.TokenType switch
    {
        JsonTokenType.StartObject => ReadObject(ref reader, path),
        JsonTokenType.StartArray => ReadArray(ref reader, path),
        JsonTokenType.Null => null,
        JsonTokenType.String => JsonValue.Create(reader.GetString()),

        // Kept as JSON, so that numbers keep their digits.
        _ => JsonValue.Create(JsonElement.ParseValue(ref reader)),
    };
}
