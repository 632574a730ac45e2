using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Platform.Calls;

namespace ScaiGrid.Platform.Batch;

/// <summary>The result of one line.</summary>
/// <param name="Index">Position in its chunk.</param>
/// <param name="Succeeded">Whether it goes to the output file; otherwise to the error file.</param>
/// <param name="Json">The line of the result file.</param>
internal sealed record LineResult(int Index, bool Succeeded, byte[] Json)
{
    public static LineResult Called(int index, string id, string customId, InferenceAnswer answer) => new(index, answer.Succeeded, Write(writer =>
    {
        Begin(writer, id, customId);
        writer.WriteStartObject("response"u8);
        writer.WriteNumber("status_code"u8, answer.Status);
        writer.WriteString("request_id"u8, id);
        writer.WritePropertyName("body"u8);
        WriteBody(writer, answer.Body.Span);
        writer.WriteEndObject();
        writer.WriteNull("error"u8);
    }));

    public static LineResult NotCalled(int index, string id, string customId, string code, string message) => new(index, Succeeded: false, Write(writer =>
    {
        Begin(writer, id, customId);
        writer.WriteNull("response"u8);
        writer.WriteStartObject("error"u8);
        writer.WriteString("code"u8, code);
        writer.WriteString("message"u8, message);
        writer.WriteEndObject();
    }));

    private static void Begin(Utf8JsonWriter writer, string id, string customId)
    {
        writer.WriteString("id"u8, id);
        writer.WriteString("custom_id"u8, customId);
    }

    private static void WriteBody(Utf8JsonWriter writer, ReadOnlySpan<byte> body)
    {
        // Raw, whatever its texts contain; but a line feed, which is white space in JSON, would end the line. So would, for some readers, Unicode's
        // own line separators, which JSON allows inside texts only.
        var isPlain = Utf8.IsValid(body) && body.IndexOf("\u2028"u8) < 0 && body.IndexOf("\u2029"u8) < 0 && body.IndexOf("\u0085"u8) < 0;
        var json = isPlain ? body.ToArray() : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body)
            .Replace("\u2028", @"\u2028", StringComparison.Ordinal)
            .Replace("\u2029", @"\u2029", StringComparison.Ordinal)
            .Replace("\u0085", @"\u0085", StringComparison.Ordinal));
        json.AsSpan().Replace((byte)'\n', (byte)' ');
        json.AsSpan().Replace((byte)'\r', (byte)' ');
        try
        {
            writer.WriteRawValue(json);
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            // Not JSON, or empty.
            writer.WriteStringValue(Encoding.UTF8.GetString(body));
        }
    }

    private static byte[] Write(Action<Utf8JsonWriter> content)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            content(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }
}
