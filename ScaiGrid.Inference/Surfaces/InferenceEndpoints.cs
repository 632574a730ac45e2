using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
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
        var pipeline = endpoints.ServiceProvider.GetRequiredService<ChatPipeline>();
        var bodies = endpoints.ServiceProvider.GetRequiredService<RequestBodies>();
        var time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        endpoints.MapCall("/v1/inference/chat", context => ChatAsync(context, bodies, pipeline, time, Protocols.Native)).NotAudited(Metered)
            .WithName("Chat").WithTags("Inference").WithSummary("Chat with a model; `stream: true` answers server-sent events.")
            .Accepts<ChatBody>("application/json").Produces<Envelope<ChatData>>();
        endpoints.MapCall("/oai/v1/chat/completions", context => ChatAsync(context, bodies, pipeline, time, Protocols.OpenAi)).NotAudited(Metered)
            .WithName("CreateChatCompletion").WithTags("OpenAI").WithSummary("OpenAI's chat completions, for its client libraries.")
            .Accepts<ChatBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
        endpoints.MapMedia();

        var group = endpoints.MapGroup("").NotAudited(Metered);
        group.MapAudio();
        group.MapCompletions();
        group.MapEmbeddings();
        group.MapImages();
        group.MapModerations();
        group.MapResponses();
    }

    private static async Task ChatAsync(HttpContext context, RequestBodies bodies, ChatPipeline pipeline, TimeProvider time, string protocol)
    {
        var startedAt = time.GetTimestamp();
        var (body, problem) = await bodies.ReadJsonAsync(context);
        using var request = body is null ? null : ChatRequestReader.Read(body, out problem);
        if (request is null)
        {
            await ErrorWriter.WriteAsync(context, problem!);
            return;
        }

        await using HttpChatResponder responder = protocol == Protocols.OpenAi
            ? new OpenAiChatResponder(context, time, request.IncludeUsage)
            : new NativeChatResponder(context, time);
        problem = await pipeline.RunAsync(request, HttpCallContext.Of(context, protocol, startedAt), responder, context.RequestAborted);
        if (problem is not null)
        {
            await ErrorWriter.WriteAsync(context, problem);
        }
    }
}
