using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>
/// The published request fields of a provider, from <c>schema.json</c>: a map of paths to types (<c>string</c>, <c>integer</c>, <c>number</c>,
/// <c>boolean</c>, <c>object</c>, <c>array</c>, <c>null</c>). Several types are separated by <c>|</c>; <c>any</c> is a value that the provider
/// does not define; <c>=a|b</c> lists the allowed strings.
/// </summary>
internal sealed class RequestSchema(JsonObject schema)
{
    private readonly JsonObject _fields = schema["fields"]!.AsObject();

    public static RequestSchema Of(string provider) =>
        new(JsonNode.Parse(File.ReadAllText(Path.Combine(RecordedExchange.Folder, provider, "schema.json")))!.AsObject());

    /// <summary>The fields of the request that are not as published.</summary>
    public IEnumerable<string> Breaches(JsonObject request) =>
    [
        .. schema["required"]!.AsArray().Select(name => (string)name!).Where(name => !request.ContainsKey(name)).Select(name => $"{name} is missing"),
        .. request.SelectMany(field => Check(field.Key, field.Value)),
    ];

    private IEnumerable<string> Check(string path, JsonNode? value)
    {
        if ((string?)_fields[path] is not { } types)
        {
            return [$"{path} is not a field of the provider"];
        }

        if (types == "any")
        {
            return [];
        }

        var isRight = types[0] == '=' ? types[1..].Split('|').Contains((string?)value) : types.Split('|').Any(type => Is(type, value));
        IEnumerable<string> own = isRight ? [] : [$"{path} is not {types}: {value?.ToJsonString()}"];
        return value switch
        {
            JsonObject child => own.Concat(child.SelectMany(field => Check($"{path}.{field.Key}", field.Value))),
            JsonArray items => own.Concat(items.SelectMany(item => Check($"{path}[]", item))),
            _ => own,
        };
    }

    private static bool Is(string type, JsonNode? value) => type switch
    {
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "null" => value is null,
        "string" => value is JsonValue text && text.TryGetValue<string>(out _),
        "boolean" => value is JsonValue flag && flag.TryGetValue<bool>(out _),
        "integer" => value is JsonValue whole && whole.TryGetValue<long>(out _),
        _ => value is JsonValue number && number.TryGetValue<double>(out _),
    };
}
