using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Speech: the answer links to a recording, which is fetched without credentials and relayed to the caller. Its only format is WAV.</summary>
internal sealed class QwenSpeech(UpstreamEndpoint endpoint, UpstreamHttp http, string model) : ISpeechUpstream
{
    private static readonly KnownFields Input = new(("input", "text"), "voice", "language_type", "instructions", "optimize_instructions");

    public async Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        if ((request.Text("response_format") ?? "wav") != "wav")
        {
            return SpeechReply.Failed(UpstreamError.Unsupported("response_format", "the upstream makes wav."));
        }

        using var body = Write(request, route);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        using var document = reply.Document;
        if (document is null)
        {
            return SpeechReply.Failed(reply.Error!);
        }

        return TryRead(document, out var link, out var usage)
            ? await FetchAsync(link, usage, deadline)
            : SpeechReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no audio."));
    }

    private PooledBytes Write(JsonRequest request, ModelRoute route)
    {
        var body = new PooledBytes(1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        writer.WriteStartObject("input"u8);
        Input.WriteFields(writer, request, route);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static bool TryRead(PooledBytes answer, out Uri link, out TokenUsage? usage)
    {
        (link, usage) = (null!, null);
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            usage = UsageOf(document.RootElement);
            return Uri.TryCreate(document.RootElement.GetProperty("output"u8).GetProperty("audio"u8).GetProperty("url"u8).GetString(), UriKind.Absolute, out link!)
                && link.Scheme is "http" or "https";
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    // Older models count tokens. Newer ones count characters, so for those the tokens are counted here.
    private static TokenUsage? UsageOf(JsonElement answer)
    {
        if (!answer.TryGetProperty("usage"u8, out var usage) || usage.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        var reader = new Utf8JsonReader(usage.Raw());
        reader.Read();
        return TokenUsage.Read(ref reader) is { Total: > 0 } tokens ? tokens : null;
    }

    private async Task<SpeechReply> FetchAsync(Uri link, TokenUsage? usage, CallDeadline deadline)
    {
        HttpResponseMessage? response = null;
        try
        {
            using var message = new HttpRequestMessage(HttpMethod.Get, link);
            response = await http.SendAsync(message, authority: null, deadline.Token);
            deadline.Progress();
            if (!response.IsSuccessStatusCode)
            {
                return SpeechReply.Failed(new UpstreamError(UpstreamFailure.ServerError, "The upstream's audio could not be fetched."));
            }

            var audio = await response.Content.ReadAsStreamAsync(deadline.Token);
            var owner = response;
            response = null;
            return new SpeechReply(audio, "audio/wav", Error: null, owner) { Usage = usage };
        }
        catch (Exception exception) when (UpstreamEndpoint.Failure(exception, deadline) is { } failure)
        {
            return SpeechReply.Failed(failure);
        }
        finally
        {
            response?.Dispose();
        }
    }
}

/// <summary>Transcriptions: a chat with one recording, whose answer is the transcript.</summary>
internal sealed class QwenTranscriptions(UpstreamEndpoint endpoint, string model) : ITranscriptionUpstream
{
    private const int MaxFileBytes = 10 * 1024 * 1024;

    public async Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline)
    {
        if (request.ResponseFormat is not ("json" or "text"))
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
