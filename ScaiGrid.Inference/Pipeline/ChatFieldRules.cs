using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Types and ranges of the scalar fields of a chat request.</summary>
public static class ChatFieldRules
{
    private static readonly FieldRule MaxTokens = new(FieldKind.Integer, "must be a whole number, 1 or greater.", Min: 1, Max: int.MaxValue);

    private static readonly FrozenDictionary<string, FieldRule> Rules = new Dictionary<string, FieldRule>
    {
        ["model"] = FieldRule.Text,
        ["stream"] = FieldRule.Flag,
        ["max_tokens"] = MaxTokens,
        ["max_completion_tokens"] = MaxTokens,
        ["temperature"] = FieldRule.Number(0, 2),
        ["top_p"] = FieldRule.Number(0, 1),
        ["stop"] = new(FieldKind.TextOrArray, "must be a string or an array of strings."),
        ["seed"] = new(FieldKind.Integer, "must be a whole number.", Min: long.MinValue, Max: long.MaxValue),
        ["n"] = FieldRule.Integer(1, 128),
        ["tools"] = new(FieldKind.Array, "must be an array."),
        ["tool_choice"] = new(FieldKind.TextOrObject, "must be a string or an object."),
        ["metadata"] = FieldRule.Object,
        ["response_format"] = FieldRule.Object,
        ["reasoning_effort"] = FieldRule.Text,
        ["parallel_tool_calls"] = FieldRule.Flag,
        ["user"] = FieldRule.Text,
    }.ToFrozenDictionary();

    /// <summary>What is wrong with values that a model gives to fields which the caller leaves out.</summary>
    public static IReadOnlyList<ErrorDetail> CheckDefaults(JsonObject defaults)
    {
        var mistakes = new List<ErrorDetail>();
        foreach (var (name, value) in defaults)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(value?.ToJsonString() ?? "null"));
            reader.Read();
            Check(ref reader, name, mistakes);
        }

        return mistakes;
    }

    /// <returns>True when the value has the right type, is in range and is not null.</returns>
    internal static bool Check(ref Utf8JsonReader reader, string name, List<ErrorDetail> mistakes) => FieldRule.Check(Rules, ref reader, name, mistakes);
}
