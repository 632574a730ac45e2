namespace ScaiGrid.Core.Http;

/// <summary>Finds characters that cannot be seen and that could make a stored text look like another one.</summary>
public static class PlainText
{
    private const char Nul = '\0';

    /// <summary>Whether a text is a single line without control characters (C0, DEL, C1) and without marks that override its direction.</summary>
    public static bool IsLine(string text) => !text.Any(IsOutOfSight);

    /// <summary>Whether a text of any number of lines can be stored and passed on by everyone: many programs end a text at NUL.</summary>
    public static bool IsProse(string text) => !text.Contains(Nul, StringComparison.Ordinal);

    /// <summary>The text as a single line, for texts of other systems, which cannot be refused.</summary>
    /// <returns>Null if nothing is left.</returns>
    public static string? Line(string text)
    {
        var line = IsLine(text) ? text : string.Concat(text.Where(character => !IsOutOfSight(character)));
        return string.IsNullOrWhiteSpace(line) ? null : line;
    }

    // Embeddings and overrides (U+202A to U+202E) and isolates (U+2066 to U+2069). The plain marks U+200E and U+200F stay: names in Hebrew or
    // Arabic need them.
    private static bool IsOutOfSight(char character) => char.IsControl(character) || character is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
