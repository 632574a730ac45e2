using System.Text;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Media types by file extension, for formats that require one with every file.</summary>
internal static class MediaTypes
{
    /// <returns>Empty if the extension is unknown.</returns>
    public static string OfPath(ReadOnlySpan<byte> path)
    {
        var end = path.IndexOfAny((byte)'?', (byte)'#');
        path = end < 0 ? path : path[..end];
        var dot = path.LastIndexOf((byte)'.');
        return dot < 0 || path.Length - dot > 6 ? "" : Encoding.ASCII.GetString(path[(dot + 1)..]).ToLowerInvariant() switch
        {
            "png" => "image/png",
            "jpg" or "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "heic" => "image/heic",
            "pdf" => "application/pdf",
            "txt" or "md" or "log" => "text/plain",
            "csv" => "text/csv",
            "html" or "htm" => "text/html",
            "json" => "application/json",
            "mp3" => "audio/mp3",
            "wav" => "audio/wav",
            "flac" => "audio/flac",
            "ogg" => "audio/ogg",
            "mp4" => "video/mp4",
            "mov" => "video/mov",
            _ => "",
        };
    }

    /// <summary>Detects an image's type from its first bytes.</summary>
    /// <param name="base64">The image as base64.</param>
    /// <returns>Null if the type is not recognised.</returns>
    public static string? OfImage(ReadOnlySpan<byte> base64) =>
        base64.StartsWith("/9j/"u8) ? "image/jpeg"
        : base64.StartsWith("iVBORw0KGgo"u8) ? "image/png"
        : base64.StartsWith("R0lGOD"u8) ? "image/gif"
        : base64.StartsWith("UklGR"u8) && base64.Length >= 16 && base64[12..16].SequenceEqual("RUJQ"u8) ? "image/webp"
        : null;
}
