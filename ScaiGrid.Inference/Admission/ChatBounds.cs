using System.Text;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// The most that a chat call can use. No tokenizer: every token is at least one byte of the text that it stands for, and the JSON
/// around a message is longer than what a model's chat template adds to it.
/// </summary>
internal static class ChatBounds
{
    /// <summary>Tokens that each image, sound, film or file may stand for although its address is short, where the model's window is not known.</summary>
    private const int MediaTokens = 100_000;

    private const int UsualOutput = 1024;

    private static readonly string[] OutputFields = ["max_completion_tokens", "max_tokens"];

    public static CallBounds Of(ChatRequest request, ModelRoute route, int unboundedOutput)
    {
        var bytes = Bytes(request, route);
        var highestPrompt = request.MediaParts > 0 ? route.ContextWindow ?? bytes + ((long)request.MediaParts * MediaTokens)
            : route.ContextWindow is { } window ? Math.Min(bytes, window) : bytes;
        var output = Output(request, route, unboundedOutput);
        var highestOutput = (long)output.Tokens * output.Choices;
        var likelyOutput = request.MaxTokens is null ? Math.Min(highestOutput, UsualOutput) : highestOutput;
        return new CallBounds(
            new TokenUsage(highestPrompt, highestOutput),
            (bytes / TokenCounter.BytesPerToken) + likelyOutput,
            route.Prices with { Input = Math.Max(route.InputPrice, route.CachedInputPrice ?? 0) },
            request.Body.Length);
    }

    /// <summary>The bound on one choice's output that the upstream must be told, because nothing that is sent says it yet; null where something does.</summary>
    public static int? ToSend(ChatRequest request, ModelRoute route, int unboundedOutput) =>
        request.MaxTokens is not null || Default(route) is not null ? null : Output(request, route, unboundedOutput).Tokens;

    /// <summary>The most that the call may write.</summary>
    public static OutputBounds Output(ChatRequest request, ModelRoute route, int unboundedOutput) => new(
        request.MaxTokens is { } asked
            ? Math.Min(asked, route.MaxOutputTokens ?? asked)
            : Default(route) ?? Math.Min(route.MaxOutputTokens ?? unboundedOutput, Left(request, route)),
        request.Choices ?? route.DefaultNumber("n") ?? 1);

    // Upstreams refuse a bound that does not fit into the window beside the prompt, whose tokens only they know. A short prompt leaves what its bytes
    // leave. A longer one leaves a quarter, as tokens are longer than bytes; less where even tokens of three bytes leave less.
    private static int Left(ChatRequest request, ModelRoute route)
    {
        if (route.ContextWindow is not { } window)
        {
            return int.MaxValue;
        }

        var bytes = Bytes(request, route);
        var left = request.MediaParts > 0 ? window / 4 : Math.Max(window - bytes, Math.Min(window / 4, window - (bytes / 3)));
        return (int)Math.Max(left, Math.Max(window / 16, 1));
    }

    private static long Bytes(ChatRequest request, ModelRoute route) =>
        (long)request.Body.Length + route.DefaultBytes + (route.SystemPrompt is { } prompt ? Encoding.UTF8.GetByteCount(prompt) : 0);

    // Where a model has both, the upstream may read either.
    private static int? Default(ModelRoute route)
    {
        int? most = null;
        foreach (var name in OutputFields)
        {
            if (route.DefaultNumber(name) is { } tokens)
            {
                most = Math.Max(most ?? 0, tokens);
            }
        }

        return most;
    }
}
