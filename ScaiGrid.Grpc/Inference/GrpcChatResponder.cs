using Grpc.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Grpc.Inference;

/// <summary>
/// Answers a gRPC chat call: keeps the response for the unary method, or writes messages as chunks arrive. A stream's failure is kept for the method
/// to throw.
/// </summary>
internal sealed class GrpcChatResponder(IServerStreamWriter<ChatChunk>? stream) : IChatResponder
{
    private readonly SplitPairs _pairs = new();
    private readonly ReasoningMarks _marks = new();
    private string _id = "";
    private string _slug = "";
    private Backend _backend = null!;

    public ChatResponse? Response { get; private set; }

    public Problem? Problem { get; private set; }

    public ValueTask FailStreamAsync(Problem problem)
    {
        Problem = problem;
        return ValueTask.CompletedTask;
    }

    public ValueTask CompleteAsync(ChunkView completion, CallResult result)
    {
        var answer = ChatAnswer.Parse(completion.Json);
        Response = new ChatResponse
        {
            Id = answer.Id,
            Model = result.Model.Slug,
            Created = answer.Created,
            Usage = Usage(result),
            Routing = Routing(result),
        };
        foreach (var choice in answer.Choices)
        {
            Response.Choices.Add(Choice(choice, result.Backend));
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask BeginStreamAsync(InferenceCall call)
    {
        (_slug, _backend) = (call.Route.Slug, call.Backend);
        return ValueTask.CompletedTask;
    }

    public ValueTask ChunkAsync(ChunkView chunk)
    {
        if (!chunk.HasChoices)
        {
            return ValueTask.CompletedTask;
        }

        var answer = _pairs.Join(ChatAnswer.Parse(chunk.Json));
        _id = answer.Id;
        var message = new ChatChunk { Id = _id, Model = _slug };
        foreach (var choice in answer.Choices)
        {
            message.Choices.Add(Delta(choice, _marks.ExtraContent(choice, _backend)));
        }

        return new ValueTask(stream!.WriteAsync(message));
    }

    // Messages are sent as soon as they are written.
    public ValueTask FlushAsync() => ValueTask.CompletedTask;

    public async ValueTask EndStreamAsync(CallResult result) =>
        await stream!.WriteAsync(new ChatChunk { Id = _id, Model = _slug, Usage = Usage(result), Routing = Routing(result) });

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static Choice Choice(ChatChoice choice, Backend backend)
    {
        var message = new ChatMessage { Role = choice.Role };
        if (choice.Content is not null)
        {
            message.Content = choice.Content;
        }

        if ((choice.IsRenamed ? choice.MarkedExtraContent(backend) : choice.ExtraContent) is { } extra)
        {
            message.ExtraContent = extra;
        }

        if (choice.ReasoningDetails is not null)
        {
            message.ReasoningDetails = choice.ReasoningDetails;
        }

        if (choice.Refusal is not null)
        {
            message.Refusal = choice.Refusal;
        }

        message.ToolCalls.AddRange(choice.ToolCalls.Select(ToolCall));
        var result = new Choice { Index = choice.Index, Message = message, FinishReason = choice.FinishReason ?? "stop" };
        if (choice.Reasoning is not null)
        {
            result.Reasoning = message.Reasoning = choice.Reasoning;
        }

        return result;
    }

    private static ChoiceDelta Delta(ChatChoice choice, string? extraContent)
    {
        var delta = new ChoiceDelta { Index = choice.Index, Role = choice.Role };
        delta.ToolCalls.AddRange(choice.ToolCalls.Select(ToolCall));
        if (choice.Content is not null)
        {
            delta.Content = choice.Content;
        }

        if (choice.Reasoning is not null)
        {
            delta.Reasoning = choice.Reasoning;
        }

        if (choice.ReasoningDetails is not null)
        {
            delta.ReasoningDetails = choice.ReasoningDetails;
        }

        if (extraContent is not null)
        {
            delta.ExtraContent = extraContent;
        }

        if (choice.Refusal is not null)
        {
            delta.Refusal = choice.Refusal;
        }

        if (choice.FinishReason is not null)
        {
            delta.FinishReason = choice.FinishReason;
        }

        return delta;
    }

    private static ToolCall ToolCall(ChatToolCall call)
    {
        var message = new ToolCall { Index = call.Index, Id = call.Id ?? "", Name = call.Name ?? "", Arguments = call.Arguments };
        if (call.ExtraContent is not null)
        {
            message.ExtraContent = call.ExtraContent;
        }

        return message;
    }

    private static Usage Usage(CallResult result) => new()
    {
        PromptTokens = result.Usage.Prompt,
        CompletionTokens = result.Usage.Completion,
        TotalTokens = result.Usage.Total,
        CachedTokens = result.Usage.Cached,
        ReasoningTokens = result.Usage.Reasoning,
    };

    private static Routing Routing(CallResult result) =>
        new() { BackendId = result.Backend.Id, Attempts = result.Attempts, LatencyMs = result.LatencyMs, GatewayMs = Math.Round(result.GatewayTook.TotalMilliseconds, 3) };
}
