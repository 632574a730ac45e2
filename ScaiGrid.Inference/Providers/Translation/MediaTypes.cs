using System.Text;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Media types by the end of a path, for formats that want one with every file.</summary>
internal static class MediaTypes
{
    /// <returns>Empty where the end says nothing.</returns>
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
}
