using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Audio;

internal static class AudioEndpoints
{
    public static void MapAudio(this IEndpointRouteBuilder endpoints)
    {
        var speech = endpoints.ServiceProvider.GetRequiredService<SpeechPipeline>();
        var transcription = endpoints.ServiceProvider.GetRequiredService<TranscriptionPipeline>();
        var bodies = endpoints.ServiceProvider.GetRequiredService<RequestBodies>();
        var time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        var logger = endpoints.ServiceProvider.GetRequiredService<ILogger<TranscriptionRequest>>();
        endpoints.MapCall("/v1/inference/audio/transcribe", context => TranscribeAsync(context, bodies, transcription, Protocols.Native, time, logger))
            .WithName("Transcribe").WithTags("Inference").WithSummary("Text of a recording of up to 25 MB.")
            .Accepts<TranscribeForm>("multipart/form-data").Produces<Envelope<TranscriptData>>();
        endpoints.MapCall("/v1/inference/audio/synthesize", context => SynthesizeAsync(context, bodies, speech, Protocols.Native, time))
            .WithName("Synthesize").WithTags("Inference").WithSummary("Speech from a text: raw audio, as it comes.")
            .Accepts<SpeechBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "audio/mpeg");
        endpoints.MapCall("/oai/v1/audio/transcriptions", context => TranscribeAsync(context, bodies, transcription, Protocols.OpenAi, time, logger))
            .WithName("CreateTranscription").WithTags("OpenAI").WithSummary("OpenAI's transcriptions, for its client libraries.")
            .Accepts<TranscribeForm>("multipart/form-data").Produces(StatusCodes.Status200OK, contentType: "application/json");
        endpoints.MapCall("/oai/v1/audio/speech", context => SynthesizeAsync(context, bodies, speech, Protocols.OpenAi, time))
            .WithName("CreateSpeech").WithTags("OpenAI").WithSummary("OpenAI's speech, for its client libraries.")
            .Accepts<SpeechBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "audio/mpeg");
    }

    private static async Task SynthesizeAsync(HttpContext context, RequestBodies bodies, SpeechPipeline pipeline, string protocol, TimeProvider time)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await bodies.ReadJsonAsync(context);
        using var request = body is null ? null : SpeechPipeline.Requests.Read(body, SpeechPipeline.Check, out problem);
        if (request is not null)
        {
            var call = new SpeechCall { Context = HttpCallContext.Of(context, protocol, startedAt), Request = request, Http = context };
            problem = await pipeline.RunAsync(call, context.RequestAborted);
        }

        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
        }
    }

    private static async Task TranscribeAsync(
        HttpContext context, RequestBodies bodies, TranscriptionPipeline pipeline, string protocol, TimeProvider time, ILogger logger)
    {
        var startedAt = time.GetTimestamp();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = TranscriptionRequest.MaxRequestBytes;
        }

        if (context.Request.ContentLength > TranscriptionRequest.MaxRequestBytes)
        {
            await ErrorWriter.WriteAsync(context, TranscriptionRequest.TooLarge);
            return;
        }

        await using var request = await TranscriptionRequest.ReadAsync(context.Request.ContentType, bodies.OfForm(context.Request), logger, context.RequestAborted);
        using var call = new TranscriptionCall { Context = HttpCallContext.Of(context, protocol, startedAt), Request = request };
        if (await pipeline.RunAsync(call, context.RequestAborted) is { } problem)
        {
            await ErrorWriter.WriteAsync(context, problem);
            return;
        }

        using var answer = new PooledBytes();
        context.Response.ContentType = protocol == Protocols.OpenAi ? WriteOpenAi(answer, call) : WriteNative(answer, call);
        context.Response.ContentLength = answer.Length;
        await context.Response.BodyWriter.WriteAsync(answer.Memory, context.RequestAborted);
    }

    // The upstream's document as it is, except for plain text: that was requested as JSON, because only JSON reports usage.
    private static string WriteOpenAi(PooledBytes answer, TranscriptionCall call)
    {
        switch (call.Format)
        {
            case "text":
                using (var document = JsonDocument.Parse(call.Document.Memory))
                {
                    answer.Append(Encoding.UTF8.GetBytes(JsonText.Of(document.RootElement, "text"u8) + "\n"));
                }

                return "text/plain; charset=utf-8";
            case "srt":
                answer.Append(call.Document.Span);
                return "application/x-subrip; charset=utf-8";
            case "vtt":
                answer.Append(call.Document.Span);
                return "text/vtt; charset=utf-8";
            default:
                WriteDocument(answer, call);
                return "application/json";
        }
    }

    // Some upstreams include their own model name, which callers must not see.
    private static void WriteDocument(PooledBytes answer, TranscriptionCall call)
    {
        using var document = JsonDocument.Parse(call.Document.Memory);
        if (!document.RootElement.TryGetProperty("model"u8, out _))
        {
            answer.Append(call.Document.Span);
            return;
        }

        using var writer = new Utf8JsonWriter(answer);
        writer.WriteStartObject();
        writer.WriteString("model"u8, call.Route.Slug);
        foreach (var property in document.RootElement.EnumerateObject().Where(property => !property.NameEquals("model"u8)))
        {
            writer.WriteProperty(property);
        }

        writer.WriteEndObject();
    }

    private static string WriteNative(PooledBytes answer, TranscriptionCall call)
    {
        using var writer = new Utf8JsonWriter(answer);
        DocumentWriter.BeginData(writer);
        writer.WriteString("model"u8, call.Route.Slug);
        if (call.Format is "srt" or "vtt")
        {
            writer.WriteString("text"u8, call.Document.Span);
        }
        else
        {
            using var document = JsonDocument.Parse(call.Document.Memory);
            foreach (var property in document.RootElement.EnumerateObject().Where(property => property.Name is not ("model" or "usage" or "routing")))
            {
                writer.WriteProperty(property);
            }
        }

        DocumentWriter.EndData(writer, call.Result);
        writer.Flush();
        return "application/json";
    }
}

/// <param name="File">The recording.</param>
/// <param name="Model">Slug of a frontend model whose modality is audio.</param>
/// <param name="Language">The recording's language, as an ISO 639-1 code.</param>
/// <param name="Temperature">0 to 1.</param>
/// <param name="Prompt">Guides the model's style.</param>
/// <param name="ResponseFormat"><c>json</c> (the default), <c>text</c>, <c>verbose_json</c>, <c>diarized_json</c>, <c>srt</c> or <c>vtt</c>.</param>
public sealed record TranscribeForm(
    IFormFile File, string Model, string? Language = null, double? Temperature = null, string? Prompt = null, string? ResponseFormat = null);

/// <summary>The <c>data</c> of an answer; <c>verbose_json</c> adds the upstream's segments, words and duration, <c>diarized_json</c> segments with their speakers.</summary>
public sealed record TranscriptData(string Model, string Text, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Model">Slug of a frontend model whose modality is audio.</param>
/// <param name="Input">The text to speak.</param>
/// <param name="Voice">A voice that the upstream supports.</param>
/// <param name="ResponseFormat"><c>mp3</c>, <c>opus</c>, <c>aac</c>, <c>flac</c>, <c>wav</c> or <c>pcm</c>.</param>
/// <param name="Speed">0.25 to 4.</param>
public sealed record SpeechBody(string Model, string Input, string? Voice = null, string? ResponseFormat = null, double? Speed = null);
