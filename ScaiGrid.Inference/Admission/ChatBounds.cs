using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Computes the most that a chat call can use, without a tokenizer: every token stands for at least one byte of text, and the JSON around a
/// message is longer than what a model's chat template adds to it.
/// </summary>
internal static class ChatBounds
{
    /// <summary>Assumed tokens of an image, sound, video or file if the model's context window is not known: a short URL may stand for any number.</summary>
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
            route.Prices with { Input = Math.Max(route.Prices.Input, route.Prices.CachedInput ?? 0) },
            request.Body.Length);
    }

    /// <summary>The output limit per choice to add to the upstream request; null if the request or the model's defaults already have one.</summary>
    public static int? ToSend(ChatRequest request, ModelRoute route, int unboundedOutput) =>
        request.MaxTokens is not null || Default(route) is not null ? null : Output(request, route, unboundedOutput).Tokens;

    /// <summary>The most output tokens and choices of the call.</summary>
    public static OutputBounds Output(ChatRequest request, ModelRoute route, int unboundedOutput) => new(
        request.MaxTokens is { } asked
            ? Math.Min(asked, route.MaxOutputTokens ?? asked)
            : Default(route) ?? Math.Min(route.MaxOutputTokens ?? unboundedOutput, Left(request, route)),
        request.Choices ?? route.DefaultNumber("n") ?? 1);

    // Upstreams reject an output limit that does not fit into the context window together with the prompt, whose tokens only they know. A short prompt
    // leaves the window minus its bytes. For a longer one, tokens of three bytes each are assumed, and a quarter of the window at most. At least a
    // sixteenth is always left.
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

    private static long Bytes(ChatRequest request, ModelRoute route) => request.Body.Length + route.AddedBytes;

    // If a model's defaults have both fields, the upstream may read either of them.
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
