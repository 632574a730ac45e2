using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ScaiGrid.Inference.Streaming;

/// <summary>Reads strings of upstreams' documents, which may hold half of a surrogate pair: some upstreams split an emoji over two chunks.</summary>
public static class JsonText
{
    /// <summary>
    /// True for what reading an upstream's document throws if it is not JSON or not the expected document, or if the name of a property has half of a
    /// surrogate pair, which cannot be compared.
    /// </summary>
    public static bool IsUnreadable(Exception exception) => exception is JsonException or InvalidOperationException;

    /// <summary>The string's text. An unpaired surrogate in the document stays an unpaired surrogate.</summary>
    public static string Of(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Unescape(text.GetRawText().AsSpan()[1..^1]);
        }
    }

    /// <summary>True if the reader is at a string of this text.</summary>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        try
        {
            return reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(text);
        }
        catch (InvalidOperationException)
        {
            // An unpaired surrogate, which no text that is asked for has.
            return false;
        }
    }

    /// <summary>The property's text; null if the property is missing or is not a string.</summary>
    public static string? Of(JsonElement element, ReadOnlySpan<byte> name) =>
        element.TryGetString(name, out var value) ? Of(value) : null;

    /// <summary>The property's object or array as raw JSON on one line; null if it is missing, of another kind, or an empty array.</summary>
    public static string? OneLine(JsonElement element, ReadOnlySpan<byte> name) =>
        element.TryGetProperty(name, out var value)
        && (value.ValueKind == JsonValueKind.Object || (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0)) ? JsonLine.Of(value) : null;

    /// <summary>Message content as a string, or the texts of its parts joined.</summary>
    public static string? OfParts(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => Of(content),
        JsonValueKind.Array => string.Concat(content.EnumerateArray().Where(part => part.ValueKind == JsonValueKind.Object).Select(part => Of(part, "text"u8))),
        _ => null,
    };

    /// <summary>Parses JSON that a model wrote as text. An unpaired surrogate becomes one replacement character, as it does for the receiver.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static JsonDocument Parse(string text) => JsonDocument.Parse(Encoding.UTF8.GetBytes(text));

    // Unescapes a string that JsonElement.GetString rejects because of an unpaired surrogate.
    private static string Unescape(ReadOnlySpan<char> written)
    {
        var text = new StringBuilder(written.Length);
        while (written.IndexOf('\\') is >= 0 and var escape)
        {
            text.Append(written[..escape]);
            if (written[escape + 1] == 'u')
            {
                text.Append((char)ushort.Parse(written.Slice(escape + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                written = written[(escape + 6)..];
                continue;
            }

            text.Append(written[escape + 1] switch
            {
                'b' => '\b',
                'f' => '\f',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                var itself => itself,
            });
            written = written[(escape + 2)..];
        }

        return text.Append(written).ToString();
    }

    /// <summary>Appends the unescaped string at the reader's position.</summary>
    public static void Append(ref Utf8JsonReader reader, PooledBytes output)
    {
        try
        {
            output.Advance(reader.CopyString(output.GetSpan(reader.ValueSpan.Length + 1)));
        }
        catch (InvalidOperationException)
        {
            output.Append(reader.ValueSpan);
        }
    }
}
