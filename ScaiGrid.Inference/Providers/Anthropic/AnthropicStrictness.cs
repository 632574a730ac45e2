using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Limits how many schemas of a request are strict: the upstream rejects a request whose strict schemas together have more tools, optional
/// parameters or type unions than it compiles into a grammar. Functions beyond the limit are sent without <c>strict</c>.
/// </summary>
internal sealed class AnthropicStrictness
{
    private int _tools = 20;
    private int _optional = 24;
    private int _unions = 16;

    /// <summary>Counts the output's schema, which takes precedence over those of tools.</summary>
    public void TakeOutput(JsonElement schema)
    {
        var (optional, unions) = Count(schema);
        _optional -= optional;
        _unions -= unions;
    }

    /// <returns>True if the function may be strict.</returns>
    public bool TryTake(JsonElement function)
    {
        var (optional, unions) = function.TryGetObject("parameters"u8, out var parameters) ? Count(parameters) : default;
        if (_tools < 1 || _optional < optional || _unions < unions)
        {
            return false;
        }

        _tools--;
        _optional -= optional;
        _unions -= unions;
        return true;
    }

    private static (int Optional, int Unions) Count(JsonElement schema)
    {
        var (optional, unions) = (0, 0);
        if (schema.ValueKind != JsonValueKind.Object)
        {
            return (optional, unions);
        }

        var required = schema.Items("required"u8, JsonValueKind.String).Select(JsonText.Of).ToHashSet();
        foreach (var keyword in schema.EnumerateObject())
        {
            var isNamed = keyword.Name is "properties" or "$defs" or "definitions" && keyword.Value.ValueKind == JsonValueKind.Object;
            foreach (var child in isNamed ? keyword.Value.EnumerateObject().Select(named => named.Value) : Children(keyword))
            {
                var inner = Count(child);
                optional += inner.Optional;
                unions += inner.Unions;
            }

            if (keyword.Name == "properties" && isNamed)
            {
                optional += keyword.Value.EnumerateObject().Count(named => !required.Contains(named.Name));
                unions += keyword.Value.EnumerateObject().Count(named => IsUnion(named.Value));
            }
        }

        return (optional, unions);
    }

    private static IEnumerable<JsonElement> Children(JsonProperty keyword) => keyword.Name switch
    {
        "items" => [keyword.Value],
        "anyOf" or "oneOf" or "allOf" when keyword.Value.ValueKind == JsonValueKind.Array => keyword.Value.EnumerateArray(),
        _ => [],
    };

    private static bool IsUnion(JsonElement schema) => schema.ValueKind == JsonValueKind.Object
        && (schema.TryGetProperty("anyOf"u8, out _) || schema.TryGetProperty("oneOf"u8, out _)
            || (schema.TryGetProperty("type"u8, out var type) && type.ValueKind == JsonValueKind.Array));
}
