using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Transcriptions: a chat with one recording, whose answer is the transcript.</summary>
internal sealed class QwenTranscriptions(UpstreamEndpoint endpoint, string model) : ITranscriptionUpstream
{
    private const int MaxFileBytes = 10 * 1024 * 1024;

    public async Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline)
    {
        if (request.FormatFor(route) is not ("json" or "text"))
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("response_format", "the upstream makes json and text."));
        }

        if (request.File.Length > MaxFileBytes)
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("file", "the upstream takes recordings of up to 10 MB."));
        }

        using var body = await WriteAsync(request, route, deadline.Token);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        return reply.Document is { } document ? DocumentTranslation.Translate(document, Translate) : reply;
    }

    private async Task<PooledBytes> WriteAsync(TranscriptionRequest request, ModelRoute route, CancellationToken cancellationToken)
    {
        var recording = new byte[request.File.Length];
        request.File.Position = 0;
        await request.File.ReadExactlyAsync(recording, cancellationToken);
        var body = new PooledBytes(Base64.GetMaxEncodedToUtf8Length(recording.Length) + 1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        writer.WriteStartArray("messages"u8);
        writer.WriteStartObject();
        writer.WriteString("role"u8, "user"u8);
        writer.WriteStartArray("content"u8);
        writer.WriteStartObject();
        writer.WriteString("type"u8, "input_audio"u8);
        writer.WriteStartObject("input_audio"u8);
        writer.WriteString("data"u8, $"data:{TypeOf(request)};base64,{Convert.ToBase64String(recording)}");
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
        if ((request["language"] ?? route.DefaultParams?["language"]?.ToString()) is { } language)
        {
            writer.WriteStartObject("asr_options"u8);
            writer.WriteString("language"u8, language);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        await writer.FlushAsync(cancellationToken);
        return body;
    }

    private static string TypeOf(TranscriptionRequest request) => request.ContentType.Split(';')[0];

    private static void Translate(Utf8JsonWriter writer, JsonElement answer)
    {
        writer.WriteString("text"u8, JsonText.OfParts(answer.GetProperty("choices"u8)[0].GetProperty("message"u8).GetProperty("content"u8)) ?? "");
        answer.CopyTo(writer, "usage"u8);
    }
}
