using System.Text.Json;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Reasoning that the native surface called <c>reasoning</c>, back in an earlier message: the model that called it <c>reasoning_content</c> wants it under
/// that name. Which one that is stands in the message's <c>extra_content</c> (docs/decisions/0016).
/// </summary>
/// <param name="Name">The name of the property, with its quotes; does not exist where the caller left the text out.</param>
/// <param name="Mark">The <c>extra_content</c>, with a comma: ours alone, so that no upstream gets it.</param>
/// <param name="Maker">The model, as <see cref="CarriedField"/> says it.</param>
internal readonly record struct RenamedReasoning(JsonSpan Name, JsonSpan Mark, string Maker)
{
    /// <summary>Writes the mark of an answer.</summary>
    public static void WriteMark(Utf8JsonWriter writer, string maker)
    {
        writer.WriteStartObject("extra_content"u8);
        writer.WriteStartObject("scaigrid"u8);
        writer.WriteString("reasoning_content"u8, maker);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <param name="reader">At the value of an <c>extra_content</c>; a copy, so that the reader itself stays there.</param>
    /// <returns>The maker in it; null where it is not ours, or has something else as well.</returns>
    public static string? ReadMark(Utf8JsonReader reader)
    {
        if (!Opens(ref reader, "scaigrid"u8) || !Opens(ref reader, "reasoning_content"u8) || reader.TokenType != JsonTokenType.String)
        {
            return null;
        }

        var maker = reader.GetString();
        return reader.Read() && reader.TokenType == JsonTokenType.EndObject && reader.Read() && reader.TokenType == JsonTokenType.EndObject ? maker : null;
    }

    /// <summary>A property's place with the comma that goes when it does: the one behind it, or the one before the last.</summary>
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
