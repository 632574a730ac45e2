using System.Buffers;

namespace ScaiGrid.Core.Http;

/// <summary>Writes lines of CSV (RFC 4180) that are safe to open in a spreadsheet.</summary>
public static class Csv
{
    // Characters that start a formula in a spreadsheet. Some of the texts, such as request ids, are chosen by callers.
    private static readonly SearchValues<char> Formula = SearchValues.Create("=+-@\t\r");

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    /// <summary>Writes cells as one line, including the line end. An apostrophe is put before a text that would be a formula.</summary>
    public static string Line(params IEnumerable<string?> cells) => string.Join(',', cells.Select(Cell)) + "\r\n";

    private static string Cell(string? text)
    {
        var safe = text is [var first, ..] && Formula.Contains(first) ? $"'{text}" : text ?? "";
        return safe.AsSpan().ContainsAny(Quoted) ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }
}
