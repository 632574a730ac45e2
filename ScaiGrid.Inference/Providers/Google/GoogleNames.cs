using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Names of functions: there they start with a letter or an underscore, in OpenAI's format with a digit or a dash as well. Such a name gets
/// an underscore before it, and so does one that has some already, so that each comes back as it was.
/// </summary>
internal static class GoogleNames
{
    public static string Theirs(string name) => IsMarked(name) ? $"_{name}" : name;

    /// <summary>Writes the <c>name</c> of a function, where it has one.</summary>
    public static void WriteName(this Utf8JsonWriter writer, JsonElement function)
    {
        if (JsonText.Of(function, "name"u8) is { } name)
        {
            writer.WriteString("name"u8, Theirs(name));
        }
    }

    /// <param name="json">A JSON string.</param>
    /// <returns>The same, as the caller knows it.</returns>
    public static ReadOnlySpan<byte> Ours(ReadOnlySpan<byte> json)
    {
        var first = json[1..].IndexOfAnyExcept((byte)'_');
        return first > 0 && IsOther((char)json[first + 1]) ? (byte[])[(byte)'"', .. json[2..]] : json;
    }

    private static bool IsMarked(string name) => name.AsSpan().IndexOfAnyExcept('_') is >= 0 and var first && IsOther(name[first]);

    private static bool IsOther(char letter) => char.IsAsciiDigit(letter) || letter == '-';
}
