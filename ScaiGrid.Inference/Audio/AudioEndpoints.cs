using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Audio;

internal static class AudioEndpoints
{
    public static void MapAudio(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/v1/inference/audio/transcribe", TranscribeNative).RequirePermission(Permissions.UseModels)
            .WithName("Transcribe").WithTags("Inference").WithSummary("Text of a recording of up to 25 MB.")
            .Accepts<TranscribeForm>("multipart/form-data").Produces<Envelope<TranscriptData>>();
        endpoints.MapPost("/v1/inference/audio/synthesize", SynthesizeNative).RequirePermission(Permissions.UseModels)
            .WithName("Synthesize").WithTags("Inference").WithSummary("Speech from a text: raw audio, as it comes.")
            .Accepts<SpeechBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "audio/mpeg");
        endpoints.MapPost("/oai/v1/audio/transcriptions", TranscribeOpenAi).RequirePermission(Permissions.UseModels)
            .WithName("CreateTranscription").WithTags("OpenAI").WithSummary("OpenAI's transcriptions, for its client libraries.")
            .Accepts<TranscribeForm>("multipart/form-data").Produces(StatusCodes.Status200OK, contentType: "application/json");
        endpoints.MapPost("/oai/v1/audio/speech", SynthesizeOpenAi).RequirePermission(Permissions.UseModels)
            .WithName("CreateSpeech").WithTags("OpenAI").WithSummary("OpenAI's speech, for its client libraries.")
            .Accepts<SpeechBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "audio/mpeg");
    }

    private static Task SynthesizeNative(HttpContext context, SpeechPipeline pipeline, TimeProvider time) =>
        SynthesizeAsync(context, pipeline, Protocols.Native, time);

    private static Task SynthesizeOpenAi(HttpContext context, SpeechPipeline pipeline, TimeProvider time) =>
        SynthesizeAsync(context, pipeline, Protocols.OpenAi, time);

    private static Task TranscribeNative(HttpContext context, TranscriptionPipeline pipeline, TimeProvider time, ILogger<TranscriptionRequest> logger) =>
        TranscribeAsync(context, pipeline, Protocols.Native, time, logger);

    private static Task TranscribeOpenAi(HttpContext context, TranscriptionPipeline pipeline, TimeProvider time, ILogger<TranscriptionRequest> logger) =>
        TranscribeAsync(context, pipeline, Protocols.OpenAi, time, logger);

    private static async Task SynthesizeAsync(HttpContext context, SpeechPipeline pipeline, string protocol, TimeProvider time)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await RequestBody.ReadJsonAsync(context);
        using var request = body is null ? null : SpeechPipeline.Requests.Read(body, SpeechPipeline.Check, out problem);
        if (request is not null)
        {
            var attempt = new SpeechAttempt { Call = JsonOperationHandler.Call(context, protocol, startedAt), Request = request, Context = context };
            problem = await pipeline.RunAsync(attempt, context.RequestAborted);
        }

        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
        }
    }

    private static async Task TranscribeAsync(HttpContext context, TranscriptionPipeline pipeline, string protocol, TimeProvider time, ILogger logger)
    {
        var startedAt = time.GetTimestamp();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = TranscriptionRequest.MaxRequestBytes;
        }

        await using var request = await TranscriptionRequest.ReadAsync(context.Request, logger, context.RequestAborted);
        using var attempt = new TranscriptionAttempt { Call = JsonOperationHandler.Call(context, protocol, startedAt), Request = request };
        if (await pipeline.RunAsync(attempt, context.RequestAborted) is { } problem)
        {
            await ErrorWriter.WriteAsync(context, problem);
            return;
        }

        using var answer = new PooledBytes();
        context.Response.ContentType = protocol == Protocols.OpenAi ? WriteOpenAi(answer, attempt) : WriteNative(answer, attempt);
        context.Response.ContentLength = answer.Length;
        await context.Response.BodyWriter.WriteAsync(answer.Memory, context.RequestAborted);
    }

    // The upstream's document, but for plain text, which was asked for as JSON: only that says what was used.
    private static string WriteOpenAi(PooledBytes answer, TranscriptionAttempt attempt)
    {
        switch (attempt.Request.ResponseFormat)
        {
            case "text":
                using (var document = JsonDocument.Parse(attempt.Document.Memory))
                {
                    answer.Append(Encoding.UTF8.GetBytes(JsonText.Of(document.RootElement, "text"u8) + "\n"));
                }

                return "text/plain; charset=utf-8";
            case "srt":
                answer.Append(attempt.Document.Span);
                return "application/x-subrip; charset=utf-8";
            case "vtt":
                answer.Append(attempt.Document.Span);
                return "text/vtt; charset=utf-8";
            default:
                WriteDocument(answer, attempt);
                return "application/json";
        }
    }

    // Some upstreams name their model, which is none of ours.
    private static void WriteDocument(PooledBytes answer, TranscriptionAttempt attempt)
    {
        using var document = JsonDocument.Parse(attempt.Document.Memory);
        if (!document.RootElement.TryGetProperty("model"u8, out _))
        {
            answer.Append(attempt.Document.Span);
            return;
        }

        using var writer = new Utf8JsonWriter(answer);
        writer.WriteStartObject();
        writer.WriteString("model"u8, attempt.Route.Slug);
        foreach (var property in document.RootElement.EnumerateObject().Where(property => !property.NameEquals("model"u8)))
        {
            writer.WriteProperty(property);
        }

        writer.WriteEndObject();
    }

    private static string WriteNative(PooledBytes answer, TranscriptionAttempt attempt)
    {
        using var writer = new Utf8JsonWriter(answer);
        DocumentWriter.BeginData(writer);
        writer.WriteString("model"u8, attempt.Route.Slug);
        if (attempt.Request.ResponseFormat is "srt" or "vtt")
        {
            writer.WriteString("text"u8, attempt.Document.Span);
        }
        else
        {
            using var document = JsonDocument.Parse(attempt.Document.Memory);
            foreach (var property in document.RootElement.EnumerateObject().Where(property => property.Name is not ("model" or "usage" or "routing")))
            {
                writer.WriteProperty(property);
            }
        }

        DocumentWriter.EndData(writer, attempt.Result);
        writer.Flush();
        return "application/json";
    }
}

/// <param name="File">The recording.</param>
/// <param name="Model">Slug of a frontend model whose modality is audio.</param>
/// <param name="Language">Of the recording, ISO 639-1.</param>
/// <param name="Temperature">0 to 1.</param>
/// <param name="Prompt">Guides the model's style.</param>
/// <param name="ResponseFormat"><c>json</c> (the default), <c>text</c>, <c>verbose_json</c>, <c>srt</c> or <c>vtt</c>.</param>
public sealed record TranscribeForm(
    IFormFile File, string Model, string? Language = null, double? Temperature = null, string? Prompt = null, string? ResponseFormat = null);

/// <summary>The <c>data</c> of an answer; <c>verbose_json</c> adds the upstream's segments, words and duration.</summary>
public sealed record TranscriptData(string Model, string Text, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Model">Slug of a frontend model whose modality is audio.</param>
/// <param name="Input">The text.</param>
/// <param name="Voice">In the upstream's words.</param>
/// <param name="ResponseFormat"><c>mp3</c>, <c>opus</c>, <c>aac</c>, <c>flac</c>, <c>wav</c> or <c>pcm</c>.</param>
/// <param name="Speed">0.25 to 4.</param>
public sealed record SpeechBody(string Model, string Input, string? Voice = null, string? ResponseFormat = null, double? Speed = null);
