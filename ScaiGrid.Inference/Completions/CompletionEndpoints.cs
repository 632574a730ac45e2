using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Completions;

/// <summary>Text from a prompt. It runs on chat models, through the chat pipeline.</summary>
internal static class CompletionEndpoints
{
    public static void MapCompletions(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapCompletion("/v1/inference/generate", Protocols.Native)
            .WithName("Generate").WithTags("Inference").WithSummary("Text from a prompt; `stream: true` answers server-sent events.")
            .Accepts<GenerateBody>("application/json").Produces<Envelope<GenerateData>>();
        endpoints.MapCompletion("/oai/v1/completions", Protocols.OpenAi)
            .WithName("CreateCompletion").WithTags("OpenAI").WithSummary("OpenAI's older completions, for its client libraries.")
            .Accepts<GenerateBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }

    private static RouteHandlerBuilder MapCompletion(this IEndpointRouteBuilder endpoints, string path, string protocol) => endpoints.MapChat<ChatRequest>(
        path, protocol, CompletionRequest.Read, request => request, (context, request, time) => new CompletionResponder(context, time, protocol, request.IncludeUsage));
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
