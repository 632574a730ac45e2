namespace ScaiGrid.Inference.Media;

/// <summary>The kinds of media that are kept and served: pictures that every browser shows, and nothing that runs.</summary>
/// <param name="Extension">Of the object's name.</param>
/// <param name="ContentType">When it is served.</param>
public sealed record MediaType(string Extension, string ContentType)
{
    private static readonly MediaType[] All = [new("png", "image/png"), new("jpg", "image/jpeg"), new("webp", "image/webp"), new("gif", "image/gif")];

    /// <returns>Null for a name that we never gave.</returns>
    public static MediaType? OfName(string name) => Array.Find(All, type => name.EndsWith($".{type.Extension}", StringComparison.Ordinal));

    /// <summary>By the content's first bytes: what an upstream calls it proves nothing.</summary>
    /// <returns>Null for what is no picture.</returns>
    public static MediaType? Of(ReadOnlySpan<byte> content) =>
        content.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? All[0]
        : content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) ? All[1]
        : content.Length > 12 && content.StartsWith("RIFF"u8) && content[8..].StartsWith("WEBP"u8) ? All[2]
        : content.StartsWith("GIF8"u8) ? All[3]
        : null;
}
