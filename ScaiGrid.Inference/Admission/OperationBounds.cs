using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Admission;

/// <summary>Computes the most that calls other than chat can use. As in chat, every token stands for at least one byte of input.</summary>
internal static class OperationBounds
{
    /// <summary>The lowest bit rate of coded speech, 6 kbit/s, in bytes per second: a recording is at most its size divided by this long.</summary>
    public const int LeastBytesPerSecond = 750;

    /// <summary>More tokens than any model counts for a second of audio.</summary>
    private const int AudioTokensPerSecond = 100;

    /// <summary>For operations that read text and write no tokens: embeddings, moderations.</summary>
    public static CallBounds Text(long bytes, ModelRoute route) => new(new TokenUsage(bytes, Completion: 0), bytes / TokenCounter.BytesPerToken, route.Prices, bytes);

    /// <summary>For generated images and speech: some upstreams count their output in tokens, which no request field limits.</summary>
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
