using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Speech: the answer links to a recording, which is fetched without credentials and relayed to the caller. Its only format is WAV.</summary>
internal sealed class QwenSpeech(UpstreamEndpoint endpoint, UpstreamHttp http, UpstreamHome home, string model) : ISpeechUpstream
{
    private static readonly UpstreamError NotFetched = new(UpstreamFailure.ServerError, "The upstream's audio could not be fetched.");

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
            response = await http.FetchAsync(link, home, deadline.Token);
            deadline.Progress();
            if (!response.IsSuccessStatusCode)
            {
                return SpeechReply.Failed(NotFetched);
            }

            // Whatever else a link may lead to is not for the caller.
            if (response.Content.Headers.ContentType?.MediaType is not { } type
                || !(type.StartsWith("audio/", StringComparison.OrdinalIgnoreCase) || type.EndsWith("/octet-stream", StringComparison.OrdinalIgnoreCase)))
            {
                return SpeechReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's link leads to no audio."));
            }

            var audio = await response.Content.ReadAsStreamAsync(deadline.Token);
            var owner = response;
            response = null;
            return new SpeechReply(audio, "audio/wav", Error: null, owner) { Usage = usage };
        }
        catch (HttpRequestException) when (!deadline.CallerIsGone)
        {
            // Not a failed connection to the upstream, which has done its work.
            return SpeechReply.Failed(NotFetched);
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
