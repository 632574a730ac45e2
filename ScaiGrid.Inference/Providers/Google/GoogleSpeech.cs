using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Speech by a Gemini model: <c>generateContent</c> whose answer holds samples, which the caller gets as they are (<c>pcm</c>) or as
/// <c>wav</c>. It has no other format.
/// </summary>
internal sealed class GoogleSpeech(UpstreamEndpoint endpoint) : ISpeechUpstream
{
    private const int DefaultRate = 24_000;

    public async Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallActivity activity)
    {
        var format = request.Text("response_format") ?? "wav";
        if (format is not ("wav" or "pcm"))
        {
            return SpeechReply.Failed(UpstreamError.Refused("response_format", "the upstream makes wav and pcm."));
        }

        using var body = Write(request, route);
        var reply = await endpoint.PostJsonAsync(body, activity);
        using var document = reply.Document;
        return document is null ? SpeechReply.Failed(reply.Error!) : Read(document, format);
    }

    private static PooledBytes Write(JsonRequest request, ModelRoute route)
    {
        var body = new PooledBytes();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteStartArray("contents"u8);
        writer.WriteStartObject();
        var instructions = request.Text("instructions");
        GoogleDocuments.WriteParts(writer, instructions is null ? request.Text("input")! : $"{instructions}: {request.Text("input")}");
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteStartObject("generationConfig"u8);
        writer.WriteStartArray("responseModalities"u8);
        writer.WriteStringValue("AUDIO"u8);
        writer.WriteEndArray();
        if ((request.Text("voice") ?? route.DefaultParams?["voice"]?.ToString()) is { } voice)
        {
            writer.WriteStartObject("speechConfig"u8);
            writer.WriteStartObject("voiceConfig"u8);
            writer.WriteStartObject("prebuiltVoiceConfig"u8);
            writer.WriteString("voiceName"u8, voice);
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static SpeechReply Read(PooledBytes answer, string format)
    {
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            var data = document.RootElement.GetProperty("candidates"u8)[0].GetProperty("content"u8).GetProperty("parts"u8)[0].GetProperty("inlineData"u8);
            var samples = data.GetProperty("data"u8).GetBytesFromBase64();
            var usage = new GoogleUsage();
            usage.Add(document.RootElement);
            var audio = format == "pcm" ? samples : WaveFile.Of(samples, RateOf(data.GetProperty("mimeType"u8).GetString() ?? ""));
            return new SpeechReply(new MemoryStream(audio), format == "pcm" ? "audio/pcm" : "audio/wav", Error: null, Owner: null)
            {
                Usage = usage.Exists ? usage.Tokens : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            return SpeechReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no audio."));
        }
    }

    // For example audio/L16;codec=pcm;rate=24000.
    private static int RateOf(string type)
    {
        var at = type.IndexOf("rate=", StringComparison.Ordinal);
        return at >= 0 && int.TryParse(type.AsSpan(at + 5), CultureInfo.InvariantCulture, out var rate) ? rate : DefaultRate;
    }
}
