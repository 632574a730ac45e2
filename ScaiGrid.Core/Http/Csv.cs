using System.Buffers;

namespace ScaiGrid.Core.Http;

/// <summary>Lines of CSV (RFC 4180) for people who open them in a spreadsheet.</summary>
public static class Csv
{
    // What a spreadsheet runs as a formula: callers choose some of the texts, such as request ids.
    private static readonly SearchValues<char> Formula = SearchValues.Create("=+-@\t\r");

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    /// <summary>The cells as a line, with its end. A text that would be a formula begins with an apostrophe.</summary>
    public static string Line(params IEnumerable<string?> cells) => string.Join(',', cells.Select(Cell)) + "\r\n";

    private static string Cell(string? text)
    {
        var safe = text is [var first, ..] && Formula.Contains(first) ? $"'{text}" : text ?? "";
        return safe.AsSpan().ContainsAny(Quoted) ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
