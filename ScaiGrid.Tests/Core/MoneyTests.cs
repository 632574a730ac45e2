using ScaiGrid.Core;
using Xunit;

namespace ScaiGrid.Tests.Core;

public sealed class MoneyTests
{
    private const long Unit = Money.NanosPerUnit;

    [Theory]
    [InlineData(1_000, 500, 2_500_000_000, 10_000_000_000, 7_500_000)] // 2.50 and 10.00 per million tokens
    [InlineData(1_234, 567, 150_000_000, 600_000_000, 525_300)]
    [InlineData(0, 0, 2_500_000_000, 10_000_000_000, 0)]
    [InlineData(1_000_000, 1_000_000, 0, 0, 0)]
    [InlineData(1_000_000, 0, 1, 0, 1)]
    public void Cost_IsExact(long input, long output, long inputPrice, long outputPrice, long expected) =>
        Assert.Equal(expected, Money.Cost(input, output, inputPrice, outputPrice));

    [Theory]
    [InlineData(1, 0, 499_999, 0, 0)]
    [InlineData(1, 0, 500_000, 0, 1)] // half is rounded up
    [InlineData(1, 1, 250_000, 250_000, 1)] // summed first, then rounded once
    [InlineData(1, 1, 499_999, 499_999, 1)]
    [InlineData(3, 0, 500_000, 0, 2)]
    public void Cost_IsRoundedOnce_HalfUp(long input, long output, long inputPrice, long outputPrice, long expected) =>
        Assert.Equal(expected, Money.Cost(input, output, inputPrice, outputPrice));

    /// <summary>Tokens times price exceeds 64 bits although the resulting cost still fits.</summary>
    [Fact]
    public void Cost_OfTheHighestPrices_DoesNotOverflowInBetween() =>
        Assert.Equal(9_000_000_000 * Unit, Money.Cost(4_000_000_000, 5_000_000_000, 1_000_000 * Unit, 1_000_000 * Unit));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(1, "0.000000001")]
    [InlineData(7_275_000, "0.007275")]
    [InlineData(2_500_000_000, "2.5")]
    [InlineData(10_000_000_000, "10")]
    [InlineData(-1, "-0.000000001")]
    [InlineData(long.MaxValue, "9223372036.854775807")]
    public void Format_HasNoNeedlessZeros(long nanos, string expected) => Assert.Equal(expected, Money.Format(nanos));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("2.50", 2_500_000_000)]
    [InlineData("0.000000001", 1)]
    [InlineData("1.0000000000", 1_000_000_000)]
    [InlineData("9223372036", 9_223_372_036_000_000_000)]
    public void DecimalString_IsRead(string text, long expected)
    {
        Assert.True(Money.TryParse(text, out var nanos));
        Assert.Equal(expected, nanos);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("free")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1e3")]
    [InlineData("1,000")]
    [InlineData("0.0000000001")] // a tenth of a nano-unit
    [InlineData("9223372037")] // does not fit 64 bits of nano-units
    [InlineData("79228162514264337593543950336")]
    [InlineData("1.00000000000000000000000000000000001")] // more digits than a decimal can hold
    public void WhatIsNoAmount_IsRefused(string? text) => Assert.False(Money.TryParse(text, out _));

    [Fact]
    public void FormattedAmounts_AreReadBack() => Assert.All((long[])[0, 1, 999_999_999, 1_000_000_001, 123_456_789_012_345_678], nanos =>
    {
        Assert.True(Money.TryParse(Money.Format(nanos), out var read));
        Assert.Equal(nanos, read);
    });
}
