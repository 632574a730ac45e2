using System.Text.Json;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Checks the property names in a request at any depth. A value with an unpaired surrogate is forwarded as written; a name with one would
/// make every property lookup in its object fail.
/// </summary>
internal static class PropertyNames
{
    /// <param name="json">A complete, valid document.</param>
    /// <exception cref="InvalidOperationException">A name is not valid Unicode.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        // Unpaired surrogates can only be written as escapes, and most documents have none.
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader is { TokenType: JsonTokenType.PropertyName, ValueIsEscaped: true })
            {
                _ = reader.GetString();
            }
        }
    }
}
