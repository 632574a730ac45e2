using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Completions;

/// <summary>Text from a prompt. It runs on chat models, through the chat pipeline.</summary>
internal static class CompletionEndpoints
{
    public static void MapCompletions(this IEndpointRouteBuilder endpoints)
    {
        var bodies = endpoints.ServiceProvider.GetRequiredService<RequestBodies>();
        var pipeline = endpoints.ServiceProvider.GetRequiredService<ChatPipeline>();
        var time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapCall("/v1/inference/generate", context => RunAsync(context, bodies, pipeline, time, Protocols.Native))
            .WithName("Generate").WithTags("Inference").WithSummary("Text from a prompt; `stream: true` answers server-sent events.")
            .Accepts<GenerateBody>("application/json").Produces<Envelope<GenerateData>>();
        endpoints.MapCall("/oai/v1/completions", context => RunAsync(context, bodies, pipeline, time, Protocols.OpenAi))
            .WithName("CreateCompletion").WithTags("OpenAI").WithSummary("OpenAI's older completions, for its client libraries.")
            .Accepts<GenerateBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }

    private static async Task RunAsync(HttpContext context, RequestBodies bodies, ChatPipeline pipeline, TimeProvider time, string protocol)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await bodies.ReadJsonAsync(context);
        using var request = body is null ? null : CompletionRequest.Read(body, out problem);
        if (request is null)
        {
            await ErrorWriter.WriteAsync(context, problem!);
            return;
        }

        await using var responder = new CompletionResponder(context, time, protocol, request.IncludeUsage);
        problem = await pipeline.RunAsync(request, HttpCallContext.Of(context, protocol, startedAt), responder, context.RequestAborted);
        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
        }
    }
}

/// <param name="Model">Slug of a chat model.</param>
/// <param name="Prompt">The text to continue.</param>
/// <param name="MaxTokens">Capped at the model's <c>max_output_tokens</c>.</param>
/// <param name="Temperature">0 to 2.</param>
/// <param name="Stop">A string or an array of strings.</param>
/// <param name="Seed">For upstreams that support reproducible output.</param>
/// <param name="Stream">Answer with server-sent events.</param>
public sealed record GenerateBody(
    string Model, string Prompt, int? MaxTokens = null, double? Temperature = null, JsonElement? Stop = null, long? Seed = null, bool? Stream = null);

/// <summary>The <c>data</c> of a whole answer.</summary>
public sealed record GenerateData(string Id, string Model, long Created, IReadOnlyList<GenerateDataChoice> Choices, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Index">The position of the choice.</param>
/// <param name="Text">The generated text.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c>, <c>content_filter</c> or <c>error</c>.</param>
public sealed record GenerateDataChoice(int Index, string Text, string FinishReason);
