using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Speech: the audio is base64 inside a document.</summary>
internal sealed class MistralSpeech(UpstreamEndpoint endpoint, string model) : ISpeechUpstream
{
    private const string DefaultFormat = "mp3";

    private static readonly KnownFields Fields = new("input", "ref_audio", "metadata");

    public async Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        var format = request.Text("response_format", route) ?? DefaultFormat;
        if (ContentTypeOf(format) is not { } type)
        {
            return SpeechReply.Failed(UpstreamError.Unsupported("response_format", "the upstream makes mp3, opus, flac, wav and pcm."));
        }

        using var body = Write(request, route, format);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        using var document = reply.Document;
        return document is null ? SpeechReply.Failed(reply.Error!)
            : SpeechDocument.Read(document, root => SpeechDocument.TryGetBytes(root, "audio_data"u8, out var audio)
                ? new SpeechReply(new MemoryStream(audio), type, Error: null, Owner: null)
                : null);
    }

    private PooledBytes Write(JsonRequest request, ModelRoute route, string format)
    {
        var body = new PooledBytes(1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        Fields.WriteFields(writer, request, route);
        if ((VoiceOf(request) ?? route.DefaultParams?["voice"]?.ToString()) is { } voice)
        {
            writer.WriteString("voice_id"u8, voice);
        }

        writer.WriteString("response_format"u8, format);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    // OpenAI's clients write a custom voice of the account as {"id":"…"}.
    private static string? VoiceOf(JsonRequest request)
    {
        if (!request.Has("voice"))
        {
            return null;
        }

        using var voice = JsonDocument.Parse(request["voice"]);
        return voice.RootElement.ValueKind == JsonValueKind.Object ? JsonText.Of(voice.RootElement, "id"u8) : JsonText.Of(voice.RootElement);
    }

    private static string? ContentTypeOf(string format) => format switch
    {
        "mp3" => "audio/mpeg",
        "opus" => "audio/opus",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => null,
    };
}
