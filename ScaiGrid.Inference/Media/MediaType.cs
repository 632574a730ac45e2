namespace ScaiGrid.Inference.Media;

/// <summary>The media types that are stored and served: image formats that every browser shows, and nothing executable.</summary>
/// <param name="Extension">The extension of the object's name.</param>
/// <param name="ContentType">The content type that it is served with.</param>
public sealed record MediaType(string Extension, string ContentType)
{
    private static readonly MediaType[] All = [new("png", "image/png"), new("jpg", "image/jpeg"), new("webp", "image/webp"), new("gif", "image/gif")];

    /// <returns>Null if we never assign such a name.</returns>
    public static MediaType? OfName(string name) => Array.Find(All, type => name.EndsWith($".{type.Extension}", StringComparison.Ordinal));

    /// <summary>Detects the type from the first bytes of the content, because the upstream's label is not reliable.</summary>
    /// <returns>Null if the content is not a supported image.</returns>
    public static MediaType? Of(ReadOnlySpan<byte> content) =>
        content.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) ? All[0]
        : content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]) ? All[1]
        : content.Length > 12 && content.StartsWith("RIFF"u8) && content[8..].StartsWith("WEBP"u8) ? All[2]
        : content.StartsWith("GIF8"u8) ? All[3]
        : null;
}
