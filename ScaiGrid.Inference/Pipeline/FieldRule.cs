using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The required type of a request field.</summary>
internal enum FieldKind
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

/// <summary>Type and range of a scalar field of a request. Null always means absent.</summary>
/// <param name="Kind">The type.</param>
/// <param name="Message">The error text for the caller.</param>
/// <param name="Min">The least value of a number.</param>
/// <param name="Max">The greatest value of a number.</param>
/// <param name="Words">The allowed values of a string; null if any is allowed.</param>
internal sealed record FieldRule(FieldKind Kind, string Message, double Min = 0, double Max = 0, IReadOnlyList<string>? Words = null)
{
    public static FieldRule OneOf(params IReadOnlyList<string> words) => new(FieldKind.Text, $"must be one of {string.Join(", ", words)}.", Words: words);

    public static FieldRule Text { get; } = new(FieldKind.Text, "must be a string.");

    public static FieldRule Flag { get; } = new(FieldKind.Flag, "must be true or false.");

    public static FieldRule Object { get; } = new(FieldKind.Object, "must be an object.");

    public static FieldRule Integer(int min, int max) => new(FieldKind.Integer, $"must be a whole number between {min} and {max}.", min, max);

    public static FieldRule Number(double min, double max) =>
        new(FieldKind.Number, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"must be a number between {min} and {max}."), min, max);

    /// <summary>Checks the value at the reader's position without advancing the reader.</summary>
    /// <returns>True if the value has the right type, is in range and is not null.</returns>
    public static bool Check(FrozenDictionary<string, FieldRule> rules, ref Utf8JsonReader reader, string name, Mistakes mistakes)
    {
        if (reader.TokenType == JsonTokenType.Null || !rules.TryGetValue(name, out var rule))
        {
            return false;
        }

        var fits = rule.Fits(ref reader);
        if (!fits)
        {
            mistakes.Add(new ErrorDetail(name, rule.Message));
        }

        return fits;
    }

    private bool Fits(ref Utf8JsonReader reader) => Kind switch
    {
        FieldKind.Text => reader.TokenType == JsonTokenType.String && (Words is null || IsWord(ref reader)),
        FieldKind.Flag => reader.TokenType is JsonTokenType.True or JsonTokenType.False,
        FieldKind.Integer => reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var whole) && whole >= Min && whole <= Max,
        FieldKind.Number => reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) && number >= Min && number <= Max,
        FieldKind.Array => reader.TokenType == JsonTokenType.StartArray,
        FieldKind.Object => reader.TokenType == JsonTokenType.StartObject,
        FieldKind.TextOrArray => reader.TokenType is JsonTokenType.String or JsonTokenType.StartArray,
        _ => reader.TokenType is JsonTokenType.String or JsonTokenType.StartObject,
    };

    private bool IsWord(ref Utf8JsonReader reader)
    {
        foreach (var word in Words!)
        {
            if (reader.ValueTextEquals(word))
            {
                return true;
            }
        }

        return false;
    }
}
