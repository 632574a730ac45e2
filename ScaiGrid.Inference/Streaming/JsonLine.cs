using System.Buffers;
using System.Text.Json;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// Documents that others wrote, on one line: they may have line feeds inside, and a line feed ends the data of an event. Outside of strings, where
/// JSON escapes them, they are only white space.
/// </summary>
internal static class JsonLine
{
    private static readonly SearchValues<byte> Ends = SearchValues.Create("\r\n"u8);

    public static void Append(IBufferWriter<byte> output, ReadOnlySpan<byte> json)
    {
        while (json.IndexOfAny(Ends) is >= 0 and var end)
        {
            output.Write(json[..end]);
            json = json[(end + 1)..];
        }

        output.Write(json);
    }

    /// <summary>Writes a value that was parsed before.</summary>
    public static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> json)
    {
        if (!json.ContainsAny(Ends))
        {
            writer.WriteRawValue(json, skipInputValidation: true);
            return;
        }

        using var line = new PooledBytes(json.Length);
        Append(line, json);
        writer.WriteRawValue(line.Span, skipInputValidation: true);
    }

    /// <summary>The value as it is written, but for its line feeds.</summary>
    public static string Of(JsonElement value)
    {
        var json = value.GetRawText();
        return json.AsSpan().ContainsAny('\r', '\n')
            ? json.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal)
            : json;
    }
}
