using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Reasoning that the native surface returned as <c>reasoning</c>, sent back in an earlier message. The model that called it
/// <c>reasoning_content</c> requires that name. The message's <c>extra_content</c> identifies the model (docs/decisions/0016).
/// </summary>
/// <param name="Name">The property's name, with its quotes; does not exist if the caller omitted the text.</param>
/// <param name="Mark">The <c>extra_content</c> property, with a comma. It is ScaiGrid's own, so no upstream gets it.</param>
/// <param name="Maker">The model, as identified by <see cref="CarriedField"/>.</param>
internal readonly record struct RenamedReasoning(JsonSpan Name, JsonSpan Mark, string Maker)
{
    /// <summary>The <c>extra_content</c> of a message whose reasoning was renamed.</summary>
    /// <param name="maker">Hexadecimal digits, which JSON writes as they are.</param>
    public static string MarkOf(string maker) => $$$"""{"scaigrid":{"reasoning_content":"{{{maker}}}"}}""";

    /// <param name="reader">At the value of an <c>extra_content</c>; a copy, so that the caller's reader does not advance.</param>
    /// <returns>The maker in it; null if it is not exactly our mark.</returns>
    public static string? ReadMark(Utf8JsonReader reader)
    {
        if (!Opens(ref reader, "scaigrid"u8) || !Opens(ref reader, "reasoning_content"u8) || reader.TokenType != JsonTokenType.String)
        {
            return null;
        }

        var maker = reader.GetString();
        return reader.Read() && reader.TokenType == JsonTokenType.EndObject && reader.Read() && reader.TokenType == JsonTokenType.EndObject ? maker : null;
    }

    /// <summary>A property's span with the comma to remove with it: the one after it or, for the last property, the one before it.</summary>
    public static JsonSpan WithComma(ReadOnlySpan<byte> body, JsonSpan property)
    {
        var behind = body[property.End..].IndexOfAnyExcept(" \t\r\n"u8);
        if (behind >= 0 && body[property.End + behind] == (byte)',')
        {
            return property with { Length = property.Length + behind + 1 };
        }

        var before = body[..property.Start].LastIndexOfAnyExcept(" \t\r\n"u8);
        return before >= 0 && body[before] == (byte)',' ? new JsonSpan(before, property.End - before) : property;
    }

    private static bool Opens(ref Utf8JsonReader reader, ReadOnlySpan<byte> name) =>
        reader.TokenType == JsonTokenType.StartObject && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals(name) && reader.Read();
}
