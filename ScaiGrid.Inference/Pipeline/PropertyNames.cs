using System.Text.Json;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The names in a request, however deep. A value with half of a surrogate pair goes on as it is written; a name with one would fail
/// whatever looks for a property beside it.
/// </summary>
internal static class PropertyNames
{
    /// <param name="json">A whole document, found to be valid.</param>
    /// <exception cref="InvalidOperationException">A name is not valid Unicode.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        // Surrogates are written so only, and most documents have none.
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
