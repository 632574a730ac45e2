using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Audio;

/// <summary>
/// What a transcription used: the tokens or the seconds that the upstream reports; else the end of the last subtitle; else the length that
/// the recording's size and header suggest.
/// </summary>
internal static partial class TranscriptMeter
{
    // 128 kbit/s: what a recording whose format does not tell is taken for.
    private const long AssumedBytesPerSecond = 16_000;

    /// <exception cref="JsonException">A document that must be JSON is none, or has no text.</exception>
    public static MeteredUsage Read(TranscriptionRequest request, PooledBytes document)
    {
        var reported = request.ResponseFormat is "json" or "verbose_json" or "text" ? FromJson(document.Memory) : FromSubtitles(document.Span);
        return reported is { } usage
            ? new MeteredUsage(usage, IsEstimated: false)
            : new MeteredUsage(new TokenUsage(Prompt: 0, Completion: 0, AudioMilliseconds: LengthOf(request.File)), IsEstimated: true);
    }

    private static TokenUsage? FromJson(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("text"u8, out var text) || text.ValueKind != JsonValueKind.String)
        {
            throw new JsonException("The transcript has no text.");
        }

        var tokens = default(TokenUsage?);
        var seconds = root.TryGetProperty("duration"u8, out var duration) ? Seconds(duration) : null;
        if (root.TryGetProperty("usage"u8, out var usage) && usage.ValueKind == JsonValueKind.Object)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(usage.GetRawText()));
            reader.Read();
            tokens = TokenUsage.Read(ref reader);
            seconds = usage.TryGetProperty("seconds"u8, out var given) || usage.TryGetProperty("prompt_audio_seconds"u8, out given) ? Seconds(given) ?? seconds : seconds;
        }

        return tokens is null && seconds is null ? null : (tokens ?? default) with { AudioMilliseconds = (long)((seconds ?? 0) * 1000) };
    }

    // Whisper's own servers write the duration as text.
    private static double? Seconds(JsonElement value)
    {
        var isNumber = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out var number) ? number : -1,
            JsonValueKind.String => double.TryParse(JsonText.Of(value), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : -1,
            _ => -1,
        };
        return isNumber is >= 0 and < 1_000_000 ? isNumber : null;
    }

    private static TokenUsage? FromSubtitles(ReadOnlySpan<byte> text)
    {
        var last = EndTime().Matches(Encoding.UTF8.GetString(text)).LastOrDefault();
        if (last is null)
        {
            return null;
        }

        var hours = last.Groups["h"].Success ? long.Parse(last.Groups["h"].Value, CultureInfo.InvariantCulture) : 0;
        var minutes = long.Parse(last.Groups["m"].Value, CultureInfo.InvariantCulture);
        var seconds = long.Parse(last.Groups["s"].Value, CultureInfo.InvariantCulture);
        var milliseconds = long.Parse(last.Groups["f"].Value, CultureInfo.InvariantCulture);
        return new TokenUsage(Prompt: 0, Completion: 0, AudioMilliseconds: (((((hours * 60) + minutes) * 60) + seconds) * 1000) + milliseconds);
    }

    private static long LengthOf(Stream file)
    {
        Span<byte> header = stackalloc byte[32];
        file.Position = 0;
        var read = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        var isWave = read == header.Length && header.StartsWith("RIFF"u8) && header[8..].StartsWith("WAVE"u8);
        var bytesPerSecond = isWave ? BinaryPrimitives.ReadUInt32LittleEndian(header[28..]) : AssumedBytesPerSecond;
        return file.Length * 1000 / Math.Max(bytesPerSecond, 1);
    }

    [GeneratedRegex(@"-->\s*(?:(?<h>\d{1,3}):)?(?<m>\d{2}):(?<s>\d{2})[.,](?<f>\d{3})")]
    private static partial Regex EndTime();
}
