using System.Buffers;
using System.Text.Json;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// Writes upstreams' documents on one line: a line feed would end the data of a server-sent event. Line feeds occur only outside of strings, where
/// they are white space; inside strings JSON escapes them.
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

    /// <summary>Writes a value that has been parsed before and is therefore valid.</summary>
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

    /// <summary>The value's raw text without line feeds.</summary>
    public static string Of(JsonElement value)
    {
        var json = value.GetRawText();
        return json.AsSpan().ContainsAny('\r', '\n')
            ? json.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal)
            : json;
    }
}
