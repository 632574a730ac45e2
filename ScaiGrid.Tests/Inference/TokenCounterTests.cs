using System.Diagnostics;
using Microsoft.ML.Tokenizers;
using ScaiGrid.Inference.Metering;
using Xunit;

namespace ScaiGrid.Tests.Inference;

public sealed class TokenCounterTests
{
    [Fact]
    public void TextOfWords_IsCountedAsTheTokenizerCountsIt()
    {
        var text = string.Join(' ', Enumerable.Range(0, 2000).Select(number => $"word{number}, and then\nanother é😀"));
        Assert.Equal(TiktokenTokenizer.CreateForEncoding("o200k_base").CountTokens(text), TokenCounter.Count(text));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("😀")]
    [InlineData(" ")]
    [InlineData("\n")]
    public void LongRunWithoutWords_IsCountedInTimeThatGrowsWithItsLength(string unit)
    {
        TokenCounter.Count("warm up");
        var text = string.Concat(Enumerable.Repeat(unit, 100_000));
        var started = Stopwatch.GetTimestamp();
        Assert.InRange(TokenCounter.Count(text), 1, 400_000);

        // Quadratic time would be minutes.
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void Truncated_HasAsManyTokensAsAsked()
    {
        var text = string.Join(' ', Enumerable.Repeat("gateway", 3000));
        var start = TokenCounter.Truncate(text, 1000);
        Assert.StartsWith(start, text, StringComparison.Ordinal);
        Assert.Equal(1000, TokenCounter.Count(start));
        Assert.Equal(text, TokenCounter.Truncate(text, 100_000));
    }
}
