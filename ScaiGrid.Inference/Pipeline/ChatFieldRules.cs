using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Types and ranges of the scalar fields of a chat request. Null always means absent.</summary>
internal static class ChatFieldRules
{
    private static readonly FrozenDictionary<string, Rule> Rules = new Dictionary<string, Rule>
    {
        ["model"] = new(Kind.Text, "must be a string."),
        ["stream"] = new(Kind.Flag, "must be true or false."),
        ["max_tokens"] = new(Kind.Integer, "must be a whole number, 1 or greater.", Min: 1, Max: int.MaxValue),
        ["max_completion_tokens"] = new(Kind.Integer, "must be a whole number, 1 or greater.", Min: 1, Max: int.MaxValue),
        ["temperature"] = new(Kind.Number, "must be a number between 0 and 2.", Min: 0, Max: 2),
        ["top_p"] = new(Kind.Number, "must be a number between 0 and 1.", Min: 0, Max: 1),
        ["stop"] = new(Kind.TextOrArray, "must be a string or an array of strings."),
        ["seed"] = new(Kind.Integer, "must be a whole number.", Min: long.MinValue, Max: long.MaxValue),
        ["n"] = new(Kind.Integer, "must be a whole number between 1 and 128.", Min: 1, Max: 128),
        ["tools"] = new(Kind.Array, "must be an array."),
        ["tool_choice"] = new(Kind.TextOrObject, "must be a string or an object."),
        ["metadata"] = new(Kind.Object, "must be an object."),
        ["response_format"] = new(Kind.Object, "must be an object."),
        ["reasoning_effort"] = new(Kind.Text, "must be a string."),
        ["parallel_tool_calls"] = new(Kind.Flag, "must be true or false."),
        ["user"] = new(Kind.Text, "must be a string."),
    }.ToFrozenDictionary();

    private enum Kind
    {
        Text,
        Flag,
        Integer,
        Number,
        Array,
        Object,
        TextOrArray,
        TextOrObject,
    }

    /// <returns>True when the value has the right type, is in range and is not null.</returns>
    public static bool Check(ref Utf8JsonReader reader, string name, List<ErrorDetail> mistakes)
    {
        if (reader.TokenType == JsonTokenType.Null || !Rules.TryGetValue(name, out var rule))
        {
            return false;
        }

        var fits = rule.Kind switch
        {
            Kind.Text => reader.TokenType == JsonTokenType.String,
            Kind.Flag => reader.TokenType is JsonTokenType.True or JsonTokenType.False,
            Kind.Integer => reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var whole) && whole >= rule.Min && whole <= rule.Max,
            Kind.Number => reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) && number >= rule.Min && number <= rule.Max,
            Kind.Array => reader.TokenType == JsonTokenType.StartArray,
            Kind.Object => reader.TokenType == JsonTokenType.StartObject,
            Kind.TextOrArray => reader.TokenType is JsonTokenType.String or JsonTokenType.StartArray,
            _ => reader.TokenType is JsonTokenType.String or JsonTokenType.StartObject,
        };
        if (!fits)
        {
            mistakes.Add(new ErrorDetail(name, rule.Message));
        }

        return fits;
    }

    private sealed record Rule(Kind Kind, string Message, double Min = 0, double Max = 0);
}
