using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;

namespace ScaiGrid.ServiceDefaults;

/// <summary>The structured fields of a log line: those of scopes, outermost first, then the message's. The last field of a name wins.</summary>
internal sealed class LogFields
{
    private const int MaxText = 32 * 1024;
    private const int MaxElements = 32;
    private const int MaxCachedNames = 4096;

    private static readonly ConcurrentDictionary<string, string> SnakeCaseNames = new();

    private readonly List<KeyValuePair<string, object?>> _fields = [];

    public static string SnakeCase(string name)
    {
        if (SnakeCaseNames.TryGetValue(name, out var known))
        {
            return known;
        }

        var converted = JsonNamingPolicy.SnakeCaseLower.ConvertName(Clip(name));

        // Names usually come from source code, but a scope may generate any number of them.
        return SnakeCaseNames.Count < MaxCachedNames ? SnakeCaseNames.GetOrAdd(name, converted) : converted;
    }

    public static string Clip(string text) => text.Length <= MaxText ? text : string.Concat(text.AsSpan(0, MaxText), "…");

    public void Add(object? source)
    {
        if (source is not IEnumerable<KeyValuePair<string, object?>> pairs)
        {
            return;
        }

        foreach (var (key, value) in pairs)
        {
            if (key == "{OriginalFormat}")
            {
                continue;
            }

            var field = KeyValuePair.Create(FieldName(key), value);
            var at = _fields.FindIndex(existing => existing.Key == field.Key);
            if (at < 0)
            {
                _fields.Add(field);
            }
            else
            {
                _fields[at] = field;
            }
        }
    }

    public void WriteTo(Utf8JsonWriter json)
    {
        foreach (var (name, value) in _fields)
        {
            json.WritePropertyName(name);
            WriteValue(json, value);
        }
    }

    // Names of the line's own members are reserved.
    private static string FieldName(string key) => SnakeCase(key) switch
    {
        "timestamp" or "level" or "category" or "event" or "message" or "exception" => "field_" + SnakeCase(key),
        var name => name,
    };

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool boolean:
                json.WriteBooleanValue(boolean);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case float number when float.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case ICollection collection:
                WriteArray(json, collection);
                break;
            default:
                json.WriteStringValue(Clip(Text(value)));
                break;
        }
    }

    private static void WriteArray(Utf8JsonWriter json, ICollection collection)
    {
        json.WriteStartArray();
        foreach (var element in collection.Cast<object?>().Take(MaxElements))
        {
            json.WriteStringValue(Clip(Text(element)));
        }

        json.WriteEndArray();
    }

    private static string Text(object? value)
    {
        try
        {
            return value switch
            {
                DateTimeOffset instant => instant.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
                DateTime instant => instant.ToString("O", CultureInfo.InvariantCulture),
                IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
                _ => value?.ToString() ?? "",
            };
        }
        catch (Exception exception)
        {
            // A line without one value is better than no line.
            return $"({exception.GetType().Name})";
        }
    }
}
