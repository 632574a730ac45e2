using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Audio;

/// <summary>
/// The usage of a transcription: the tokens and seconds that the upstream reports. If it reports no seconds, the end of the last subtitle, or
/// the length estimated from the recording's size and header. If it reports no tokens and only tokens have a price, those of the text and of that
/// length.
/// </summary>
internal static partial class TranscriptMeter
{
    // 128 kbit/s, assumed if the recording's format does not tell.
    private const long AssumedBytesPerSecond = 16_000;

    // What OpenAI's models count for a second of audio.
    private const int TokensPerSecond = 10;

    // How much of the recording is read to find a WAV file's format.
    private const int HeaderBytes = 4096;
    private const int FormatBytes = 26;

    // Two channels of 32 bits at 192 kHz.
    private const long MostBytesPerSecond = 1_536_000;

    /// <param name="request">The request with the recording.</param>
    /// <param name="format">The response format that was asked for.</param>
    /// <param name="document">The upstream's answer.</param>
    /// <param name="prices">The model's prices. If the length has a price, it is estimated if the upstream reports only tokens.</param>
    /// <param name="backendPrices">The backend's prices, which count as well.</param>
    /// <exception cref="JsonException">The document is neither JSON nor subtitles, whichever it must be, or has no text.</exception>
    /// <exception cref="InvalidOperationException">A property's name has half of a surrogate pair, which cannot be compared.</exception>
    public static MeteredUsage Read(TranscriptionRequest request, string format, PooledBytes document, UnitPrices prices, UnitPrices backendPrices)
    {
        var (text, tokens, milliseconds) = format is "srt" or "vtt"
            ? FromSubtitles(Encoding.UTF8.GetString(document.Span), format)
            : FromJson(document.Memory);
        var isByTheMinute = prices.AudioMinute > 0 || backendPrices.AudioMinute > 0;
        var isEstimated = milliseconds is null && (tokens is null || isByTheMinute);
        var length = milliseconds ?? (isEstimated ? LengthOf(request.File) : 0);
        if (tokens is null && (prices.AreOfTokensAlone || (prices.AudioMinute == 0 && backendPrices.AreOfTokensAlone)))
        {
            isEstimated = true;
            tokens = new TokenUsage((length * TokensPerSecond / 1000) + 1, TokenCounter.Count(text));
        }

        return new MeteredUsage((tokens ?? default) with { AudioMilliseconds = length }, isEstimated);
    }

    private static (string Text, TokenUsage? Tokens, long? Milliseconds) FromJson(ReadOnlyMemory<byte> json)
    {
        using var document = Utf8.IsValid(json.Span) ? JsonDocument.Parse(json) : throw new JsonException("The transcript is not UTF-8.");
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("text"u8, out var text) || text.ValueKind != JsonValueKind.String)
        {
            throw new JsonException("The transcript has no text.");
        }

        // A name with half of a surrogate pair throws wherever it is compared: here, before the call is settled, and not in what writes the answer.
        _ = root.EnumerateObject().Sum(property => property.Name.Length);

        var tokens = default(TokenUsage?);
        var seconds = root.TryGetProperty("duration"u8, out var duration) ? Seconds(duration) : null;
        if (root.TryGetObject("usage"u8, out var usage))
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(usage.GetRawText()));
            reader.Read();
            tokens = TokenUsage.Read(ref reader);
            seconds = usage.TryGetProperty("seconds"u8, out var given) || usage.TryGetProperty("prompt_audio_seconds"u8, out given) ? Seconds(given) ?? seconds : seconds;
        }

        return (JsonText.Of(text), tokens, (long?)(seconds * 1000));
    }

    // Whisper's own servers write the duration as a string.
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

    private static (string Text, TokenUsage? Tokens, long? Milliseconds) FromSubtitles(string document, string format)
    {
        var text = NoSpeech().Replace(document, "").Trim();
        var last = EndTime().Matches(document).LastOrDefault();

        // Some upstreams answer a recording without speech with nothing.
        if (!string.IsNullOrWhiteSpace(document) && !(format == "vtt" ? document.AsSpan().TrimStart().StartsWith("WEBVTT") : last is not null))
        {
            throw new JsonException("The transcript is no subtitles.");
        }

        if (last is null)
        {
            return (text, null, null);
        }

        var hours = last.Groups["h"].Success ? long.Parse(last.Groups["h"].Value, CultureInfo.InvariantCulture) : 0;
        var minutes = long.Parse(last.Groups["m"].Value, CultureInfo.InvariantCulture);
        var seconds = long.Parse(last.Groups["s"].Value, CultureInfo.InvariantCulture);
        var milliseconds = long.Parse(last.Groups["f"].Value, CultureInfo.InvariantCulture);
        return (text, null, (((((hours * 60) + minutes) * 60) + seconds) * 1000) + milliseconds);
    }

    private static long LengthOf(Stream file)
    {
        Span<byte> start = stackalloc byte[HeaderBytes];
        file.Position = 0;
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];

        // No longer than what was reserved for it.
        return file.Length * 1000 / Math.Clamp(RateOf(FormatOf(start)), OperationBounds.LeastBytesPerSecond, MostBytesPerSecond);
    }

    /// <summary>The format of a WAV file; empty for others.</summary>
    private static ReadOnlySpan<byte> FormatOf(ReadOnlySpan<byte> start)
    {
        if (start.Length < 12 || !start.StartsWith("RIFF"u8) || !start[8..].StartsWith("WAVE"u8))
        {
            return [];
        }

        // Recorders may write a chunk of their own before it. Chunks start at even offsets.
        for (long at = 12; at + 8 + FormatBytes <= start.Length;)
        {
            var chunk = start[(int)at..];
            if (chunk.StartsWith("fmt "u8))
            {
                return chunk[8..];
            }

            long size = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            at += 8 + size + (size % 2);
        }

        return [];
    }

    // Computed from the fields that a decoder needs to play the samples. The header's own byte rate is not used: decoders ignore it, so it can be
    // wrong. The length of compressed audio is only in its data, so a rate is assumed.
    private static long RateOf(ReadOnlySpan<byte> format)
    {
        if (format.IsEmpty)
        {
            return AssumedBytesPerSecond;
        }

        const ushort Extensible = 0xFFFE;
        var coding = BinaryPrimitives.ReadUInt16LittleEndian(format);
        coding = coding == Extensible ? BinaryPrimitives.ReadUInt16LittleEndian(format[24..]) : coding;
        long channels = BinaryPrimitives.ReadUInt16LittleEndian(format[2..]);
        long samples = BinaryPrimitives.ReadUInt32LittleEndian(format[4..]);
        long bits = BinaryPrimitives.ReadUInt16LittleEndian(format[14..]);

        // PCM, floating point, A-law and µ-law.
        return coding is 1 or 3 or 6 or 7 ? channels * samples * bits / 8 : AssumedBytesPerSecond;
    }

    [GeneratedRegex(@"-->\s*(?:(?<h>\d{1,3}):)?(?<m>\d{2}):(?<s>\d{2})[.,](?<f>\d{3})")]
    private static partial Regex EndTime();

    // Headers, numbers and times of subtitles, and what is empty.
    [GeneratedRegex(@"^(WEBVTT.*|\d+|.*-->.*|)\r?$\n?", RegexOptions.Multiline)]
    private static partial Regex NoSpeech();
}
