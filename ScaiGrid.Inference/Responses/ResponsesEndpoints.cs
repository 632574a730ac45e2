using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Responses;

/// <summary>OpenAI's Responses API on any chat model, through the chat pipeline.</summary>
internal static class ResponsesEndpoints
{
    public static void MapResponses(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapChat<ResponsesRequest>(
                "/oai/v1/responses",
                Protocols.OpenAi,
                ResponsesRequest.Read,
                request => request.Chat,
                (context, request, time) => new ResponsesResponder(context, request, time),
                (request, problem) => ChatFields.InCallersWords(problem, request.Namespaces))
            .WithName("CreateResponse").WithTags("OpenAI").WithSummary("OpenAI's responses, for its client libraries; nothing is stored.")
            .Accepts<ResponsesBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
}

/// <param name="Model">Slug of a chat model.</param>
/// <param name="Input">A string, or items: messages, reasoning as received, function calls and their outputs.</param>
/// <param name="Instructions">Inserted before the input as a system message.</param>
/// <param name="MaxOutputTokens">Capped at the model's own limit.</param>
/// <param name="Temperature">0 to 2.</param>
/// <param name="TopP">0 to 1.</param>
/// <param name="Stream">Answer with server-sent events.</param>
/// <param name="Tools">Functions, including those in a namespace.</param>
/// <param name="ToolChoice"><c>auto</c>, <c>none</c>, <c>required</c>, one function, or <c>allowed_tools</c>.</param>
/// <param name="Text">Structured output: <c>format</c> of type text, json_object or json_schema.</param>
/// <param name="Reasoning"><c>effort</c>, for models that reason.</param>
/// <param name="Metadata">Repeated in the response.</param>
/// <param name="ParallelToolCalls">Whether one response may call several functions.</param>
/// <param name="Store">Accepted, but always answered with <c>false</c>: nothing is stored.</param>
/// <param name="Include">Log probabilities are rejected; reasoning items always have their <c>encrypted_content</c>.</param>
/// <param name="User">Sent to the upstream.</param>
/// <param name="PromptCacheKey">Sent to the upstream.</param>
/// <param name="ServiceTier">Sent to the upstream.</param>
public sealed record ResponsesBody(
    string Model,
    JsonElement Input,
    string? Instructions = null,
    int? MaxOutputTokens = null,
    double? Temperature = null,
    double? TopP = null,
    bool? Stream = null,
    IReadOnlyList<JsonElement>? Tools = null,
    JsonElement? ToolChoice = null,
    JsonElement? Text = null,
    JsonElement? Reasoning = null,
    JsonElement? Metadata = null,
    bool? ParallelToolCalls = null,
    bool? Store = null,
    IReadOnlyList<string>? Include = null,
    string? User = null,
    string? PromptCacheKey = null,
    string? ServiceTier = null);
