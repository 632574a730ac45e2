using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Maps function names: Google's start with a letter or an underscore, OpenAI's also with a digit or a dash. Such a name is prefixed with
/// an underscore, and so is one that already has underscores before its digit or dash, so that the mapping is reversible.
/// </summary>
internal static class GoogleNames
{
    public static string Theirs(string name) => IsMarked(name) ? $"_{name}" : name;

    /// <summary>Writes a function's <c>name</c>, if it has one.</summary>
    public static void WriteName(this Utf8JsonWriter writer, JsonElement function)
    {
        if (JsonText.Of(function, "name"u8) is { } name)
        {
            writer.WriteString("name"u8, Theirs(name));
        }
    }

    /// <param name="json">The upstream's name, as a JSON string.</param>
    /// <returns>The caller's name for the function, as a JSON string.</returns>
    public static ReadOnlySpan<byte> Ours(ReadOnlySpan<byte> json)
    {
        var first = json[1..].IndexOfAnyExcept((byte)'_');
        return first > 0 && IsOther((char)json[first + 1]) ? (byte[])[(byte)'"', .. json[2..]] : json;
    }

    private static bool IsMarked(string name) => name.AsSpan().IndexOfAnyExcept('_') is >= 0 and var first && IsOther(name[first]);

    private static bool IsOther(char letter) => char.IsAsciiDigit(letter) || letter == '-';
}
