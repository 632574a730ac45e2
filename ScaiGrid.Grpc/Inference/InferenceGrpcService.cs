using Grpc.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.Hosting;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;
using GridChatRequest = ScaiGrid.Inference.Pipeline.ChatRequest;

namespace ScaiGrid.Grpc.Inference;

/// <summary><c>scaigrid.v1.InferenceService</c>: the same pipeline, keys and limits as HTTP.</summary>
internal sealed class InferenceGrpcService(ChatPipeline pipeline, EmbeddingOperation embeddings, SnapshotStore snapshots, TimeProvider time) : InferenceService.InferenceServiceBase
{
    [Access(Permissions.UseModels), CallsModel]
    public override async Task<ChatResponse> Chat(V1.ChatRequest request, ServerCallContext context)
    {
        var responder = new GrpcChatResponder(stream: null);
        await RunAsync(request, responder, stream: false, context);
        return responder.Response!;
    }

    [Access(Permissions.UseModels), CallsModel]
    public override Task StreamChat(V1.ChatRequest request, IServerStreamWriter<ChatChunk> responseStream, ServerCallContext context) =>
        RunAsync(request, new GrpcChatResponder(responseStream), stream: true, context);

    [Access(Permissions.UseModels), CallsModel]
    public override async Task<EmbedResponse> Embed(EmbedRequest request, ServerCallContext context)
    {
        using var answer = new PooledBytes();
        var problem = await embeddings.RunAsync(GrpcEmbeddings.Write(request), ContextOf(context, time.GetTimestamp()), answer, context.CancellationToken);
        return problem is null ? GrpcEmbeddings.Read(answer.Memory) : throw new ApiException(problem);
    }

    [Access(Permissions.ListModels, Permissions.UseModels)]
    public override Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context)
    {
        var caller = context.GetCaller();
        var limit = Cursor.Limit(request.Limit == 0 ? null : request.Limit);
        var after = Cursor.Decode(request.Cursor, Core.Ids.Model);
        var page = snapshots.Current.Models.Values
            .Where(model => model.IsVisibleTo(caller) && model.IsEnabledFor(caller) && (after is null || string.CompareOrdinal(model.Id, after) > 0))
            .OrderBy(model => model.Id, StringComparer.Ordinal)
            .Take(limit + 1)
            .ToList();
        var response = new ListModelsResponse { NextCursor = page.Count > limit ? Cursor.Encode(page[limit - 1].Id) : "" };
        response.Models.AddRange(page.Take(limit).Select(ToModel));
        return Task.FromResult(response);
    }

    private async Task RunAsync(V1.ChatRequest message, GrpcChatResponder responder, bool stream, ServerCallContext context)
    {
        var startedAt = time.GetTimestamp();
        var body = CanonicalRequest.Write(message, stream);
        using var request = ChatRequestReader.Read(body, out var problem) ?? throw new ApiException(problem!);
        await RunAsync(request, responder, startedAt, context);
    }

    private async Task RunAsync(GridChatRequest request, GrpcChatResponder responder, long startedAt, ServerCallContext context)
    {
        var refusal = await pipeline.RunAsync(request, ContextOf(context, startedAt), responder, context.CancellationToken);
        if ((refusal ?? responder.Problem) is { } problem)
        {
            throw new ApiException(problem);
        }
    }

    private static CallContext ContextOf(ServerCallContext context, long startedAt) =>
        new(
            context.GetCaller(),
            context.GetRequestId(),
            Protocols.Grpc,
            startedAt,
            ShowLimits: limits => RateLimitHeaders.Write(context.GetHttpContext().Response.Headers, limits));

    private static Model ToModel(ModelRoute route)
    {
        var model = new Model
        {
            Slug = route.Slug,
            DisplayName = route.DisplayName,
            Description = route.Description,
            Modality = route.Modality,
            Status = route.Status,
        };
        model.Capabilities.AddRange(route.Capabilities);
        if (route.ContextWindow is { } window)
        {
            model.ContextWindow = window;
        }

        if (route.MaxOutputTokens is { } tokens)
        {
            model.MaxOutputTokens = tokens;
        }

        return model;
    }
}
