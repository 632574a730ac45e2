using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Completions;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Images;
using ScaiGrid.Inference.Media;
using ScaiGrid.Inference.Moderations;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Responses;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>The HTTP surfaces of inference: the native one under <c>/v1/inference</c>, OpenAI's under <c>/oai/v1</c>.</summary>
public static class InferenceEndpoints
{
    /// <summary>The reason why no inference endpoint is audited; see docs/decisions/0028.</summary>
    private const string Metered = "Every call leaves a usage row; an audit row would put the database on the hot path.";

    public static void MapInference(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMedia();

        var group = endpoints.MapGroup("").NotAudited(Metered);
        group.MapChat<ChatRequest>("/v1/inference/chat", Protocols.Native, ChatRequestReader.Read, request => request, (context, _, time) => new NativeChatResponder(context, time))
            .WithName("Chat").WithTags("Inference").WithSummary("Chat with a model; `stream: true` answers server-sent events.")
            .Accepts<ChatBody>("application/json").Produces<Envelope<ChatData>>();
        group.MapChat<ChatRequest>(
                "/oai/v1/chat/completions",
                Protocols.OpenAi,
                ChatRequestReader.Read,
                request => request,
                (context, request, time) => new OpenAiChatResponder(context, time, request.IncludeUsage))
            .WithName("CreateChatCompletion").WithTags("OpenAI").WithSummary("OpenAI's chat completions, for its client libraries.")
            .Accepts<ChatBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
        group.MapAudio();
        group.MapCompletions();
        group.MapEmbeddings();
        group.MapImages();
        group.MapModerations();
        group.MapResponses();
    }
}
