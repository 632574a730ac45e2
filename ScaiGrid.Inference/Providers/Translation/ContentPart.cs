using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

internal enum PartKind
{
    Text,
    Image,
    Audio,
    File,

    /// <summary>An unknown part.</summary>
    Other,
}

/// <summary>One part of a message's content. Its data is a slice of the request, never a copy.</summary>
internal readonly ref struct ContentPart
{
    public required PartKind Kind { get; init; }

    /// <summary>The text as JSON, including the quotes.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    /// <summary>The URL, if the data is given as one.</summary>
    public ReadOnlySpan<byte> Url { get; init; }

    public ReadOnlySpan<byte> Base64 { get; init; }

    /// <summary>True if the data has no known URL scheme: plain base64, or something else.</summary>
    public bool IsBare { get; init; }

    /// <summary>The media type, for example <c>image/png</c>; empty if unknown.</summary>
    public string MediaType { get; init; }

    public string? FileName { get; init; }

    /// <summary>Reads a content part of OpenAI's format.</summary>
    /// <param name="part">An object with a <c>type</c>.</param>
    public static ContentPart Of(JsonElement part)
    {
        switch (JsonText.Of(part, "type"u8))
        {
            case "text" when part.TryGetString("text"u8, out var text):
                return new ContentPart { Kind = PartKind.Text, Text = text.Raw(), MediaType = "" };
            case "refusal" when part.TryGetString("refusal"u8, out var refusal):
                return new ContentPart { Kind = PartKind.Text, Text = refusal.Raw(), MediaType = "" };
            case "image_url" when TryGetUrl(part, out var image):
                return Data(PartKind.Image, image, null);
            case "input_audio" when part.TryGetObject("input_audio"u8, out var audio) && audio.TryGetString("data"u8, out var data):
                var sound = Data(PartKind.Audio, data, null);
                return sound with { MediaType = sound.MediaType.Length > 0 ? sound.MediaType : $"audio/{JsonText.Of(audio, "format"u8) ?? "wav"}" };
            case "file" when part.TryGetObject("file"u8, out var file) && file.TryGetString("file_data"u8, out var content):
                return Data(PartKind.File, content, JsonText.Of(file, "filename"u8));
            default:
                return new ContentPart { Kind = PartKind.Other, MediaType = "" };
        }
    }

    /// <summary>True if a part is text.</summary>
    public static bool IsText(JsonElement part, out JsonElement text)
    {
        text = default;
        return part.ValueKind == JsonValueKind.Object && JsonText.Of(part, "type"u8) == "text" && part.TryGetString("text"u8, out text);
    }

    /// <summary>Reads an image's URL: <c>{"image_url":{"url":"…"}}</c>, or the URL directly, as some clients write it.</summary>
    public static bool TryGetUrl(JsonElement part, out JsonElement url) =>
        part.TryGetProperty("image_url"u8, out url)
        && (url.ValueKind == JsonValueKind.String || (url.ValueKind == JsonValueKind.Object && url.TryGetString("url"u8, out url)));

    private static ContentPart Data(PartKind kind, JsonElement value, string? fileName)
    {
        var text = value.RawInner();

        // An escaped slash is the only escape that serializers put into a URL or base64, and most do not even use that.
        if (text.Contains((byte)'\\'))
        {
            text = System.Text.Encoding.UTF8.GetBytes(JsonText.Of(value));
        }

        if (Starts(text, "http://"u8) || Starts(text, "https://"u8))
        {
            return new ContentPart { Kind = kind, Url = text, MediaType = MediaTypes.OfPath(text), FileName = fileName };
        }

        var type = fileName is null ? "" : MediaTypes.OfPath(System.Text.Encoding.UTF8.GetBytes(fileName));
        if (Starts(text, "data:"u8) && text.IndexOf((byte)',') is > 0 and var comma)
        {
            var header = text[5..comma];
            var end = header.IndexOf((byte)';');
            var given = System.Text.Encoding.ASCII.GetString(end < 0 ? header : header[..end]).ToLowerInvariant();
            type = given.Length > 0 ? given : type;
            var content = text[(comma + 1)..];
            return new ContentPart { Kind = kind, Base64 = content, MediaType = Seen(kind, type, content), FileName = fileName };
        }

        return new ContentPart { Kind = kind, Base64 = text, IsBare = true, MediaType = Seen(kind, type, text), FileName = fileName };
    }

    // OpenAI detects the image type from its bytes. Other upstreams trust the declared type, and reject the image if it is wrong.
    private static string Seen(PartKind kind, string type, ReadOnlySpan<byte> base64) =>
        kind == PartKind.Image || type.StartsWith("image/", StringComparison.Ordinal) ? MediaTypes.OfImage(base64) ?? type : type;

    private static bool Starts(ReadOnlySpan<byte> text, ReadOnlySpan<byte> scheme) =>
        text.Length >= scheme.Length && System.Text.Ascii.EqualsIgnoreCase(text[..scheme.Length], scheme);
}
