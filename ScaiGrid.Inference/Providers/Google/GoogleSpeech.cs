using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Speech from a Gemini model: the answer of <c>generateContent</c> contains samples, which the caller gets unchanged (<c>pcm</c>) or as
/// <c>wav</c>. No other format is supported.
/// </summary>
internal sealed class GoogleSpeech(UpstreamEndpoint endpoint) : ISpeechUpstream
{
    private const int DefaultRate = 24_000;

    public async Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var format = request.Text("response_format", route) ?? "wav";
        if (format is not ("wav" or "pcm"))
        {
            return SpeechReply.Failed(UpstreamError.Unsupported("response_format", "the upstream makes wav and pcm."));
        }

        using var body = Write(request, route);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        using var document = reply.Document;
        return document is null ? SpeechReply.Failed(reply.Error!) : SpeechDocument.Read(document, root => Read(root, format));
    }

    private static PooledBytes Write(JsonRequest request, ModelRoute route)
    {
        var body = new PooledBytes();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        var instructions = request.Text("instructions", route);
        GoogleDocuments.BeginGeneration(writer, instructions is null ? request.Text("input")! : $"{instructions}: {request.Text("input")}", "AUDIO");
        if (request.Text("voice", route) is { } voice)
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

    private static SpeechReply? Read(JsonElement answer, string format)
    {
        if (!TryGetData(answer, out var data))
        {
            return GoogleFinish.WhyWithout("audio", answer) is { } why ? SpeechReply.Failed(why) : null;
        }

        if (!SpeechDocument.TryGetBytes(data, "data"u8, out var samples))
        {
            return null;
        }

        var usage = new GoogleUsage();
        usage.Add(answer);
        var audio = format == "pcm" ? samples : WaveFile.Of(samples, RateOf(JsonText.Of(data, "mimeType"u8) ?? ""));
        return new SpeechReply(new MemoryStream(audio), format == "pcm" ? "audio/pcm" : "audio/wav", Error: null, Owner: null)
        {
            Usage = usage.Exists ? usage.Tokens : null,
        };
    }

    // At any position: text of the model may come with the audio.
    private static bool TryGetData(JsonElement answer, out JsonElement data)
    {
        foreach (var candidate in answer.Items("candidates"u8))
        {
            foreach (var part in candidate.TryGetObject("content"u8, out var content) ? content.Items("parts"u8) : [])
            {
                if (part.TryGetObject("inlineData"u8, out data))
                {
                    return true;
                }
            }
        }

        data = default;
        return false;
    }

    // For example audio/L16;codec=pcm;rate=24000.
    private static int RateOf(string type)
    {
        var at = type.IndexOf("rate=", StringComparison.Ordinal);
        return at >= 0 && int.TryParse(type.AsSpan(at + 5), CultureInfo.InvariantCulture, out var rate) ? rate : DefaultRate;
    }
}
