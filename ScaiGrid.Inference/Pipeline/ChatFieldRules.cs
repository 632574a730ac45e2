using System.Collections.Frozen;
using System.Text.Json;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The fields of a chat request that ScaiGrid knows, with types and ranges of the scalar ones.</summary>
public static class ChatFieldRules
{
    private static readonly FieldRule MaxTokens = FieldRule.Integer(1, int.MaxValue);

    internal static readonly FrozenDictionary<string, FieldRule> Rules = new Dictionary<string, FieldRule>
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

    private static readonly string[] Names = [.. Rules.Keys, "messages", "stream_options"];
    private static readonly int LongestName = Names.Max(name => name.Length);

    private static readonly FrozenDictionary<string, int> Places = Names.Index().ToFrozenDictionary(field => field.Item, field => field.Index);
    private static readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> PlacesByText = Places.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The name at the reader's position; for a field with a rule always the same string instance.</summary>
    internal static string Name(ref Utf8JsonReader reader, out bool isKnown)
    {
        if (reader.ValueSpan.Length <= LongestName)
        {
            Span<char> text = stackalloc char[LongestName];
            if (PlacesByText.TryGetValue(text[..reader.CopyString(text)], out var place))
            {
                isKnown = true;
                return Names[place];
            }
        }

        // A name with escapes is longer than what it says.
        var name = reader.GetString()!;
        isKnown = Places.ContainsKey(name);
        return name;
    }

    /// <param name="name">The field's name.</param>
    /// <param name="place">Its index among the known fields, below 64.</param>
    internal static bool TryFind(string name, out int place) => Places.TryGetValue(name, out place);

    /// <returns>True if the value has the right type, is in range and is not null.</returns>
    internal static bool Check(ref Utf8JsonReader reader, string name, Mistakes mistakes) => FieldRule.Check(Rules, ref reader, name, mistakes);
}
