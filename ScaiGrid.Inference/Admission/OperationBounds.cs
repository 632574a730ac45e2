using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Admission;

/// <summary>The most that calls of operations other than chat can use. As for chat, every token is at least one byte of what it stands for.</summary>
internal static class OperationBounds
{
    /// <summary>The lowest bit rate at which speech is coded, 6 kbit/s, in bytes a second: a recording lasts no longer than its size over it.</summary>
    public const int LeastBytesPerSecond = 750;

    /// <summary>More tokens than any model hears in a second of audio.</summary>
    private const int AudioTokensPerSecond = 100;

    /// <summary>An operation that reads text and writes no tokens: embeddings, moderations.</summary>
    public static CallBounds Text(long bytes, ModelRoute route) => new(new TokenUsage(bytes, Completion: 0), bytes / TokenCounter.BytesPerToken, route.Prices, bytes);

    /// <summary>Pictures or speech: some upstreams count what they make in tokens, and no field of the request bounds these.</summary>
    public static CallBounds Generated(long bytes, long pieces, ModelRoute route, int unboundedOutput) => new(
        new TokenUsage(bytes, (route.MaxOutputTokens ?? unboundedOutput) * pieces, Images: (int)pieces), bytes / TokenCounter.BytesPerToken, route.Prices, bytes);

    public static CallBounds Recording(long bytes, ModelRoute route, int unboundedOutput)
    {
        var seconds = (bytes / LeastBytesPerSecond) + 1;
        return new CallBounds(
            new TokenUsage(seconds * AudioTokensPerSecond, route.MaxOutputTokens ?? unboundedOutput, AudioMilliseconds: seconds * 1000),
            Estimate: 0,
            route.Prices,
            bytes);
    }
}
