using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core;
using ScaiGrid.Platform.Accounting;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

/// <summary>Id bounds for a time range must include every row of the range, and should exclude rows far from it.</summary>
public sealed class UsageIdsTests
{
    private static readonly DateTimeOffset Time = new(2026, 1, 31, 8, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(-2 * 86400)]
    [InlineData(-60)]
    [InlineData(0)]
    [InlineData(86399)]
    public void IdsNearTheTime_AreWithinTheBounds(int secondsOff)
    {
        var id = IdAt(Time.AddSeconds(secondsOff));
        Assert.True(string.CompareOrdinal(UsageIds.LowerBound(Time), id) <= 0);
        Assert.True(string.CompareOrdinal(id, UsageIds.UpperBound(Time)) < 0);
    }

    [Fact]
    public void IdsOfOtherDays_AreOutside()
    {
        Assert.True(string.CompareOrdinal(IdAt(Time.AddDays(-3)), UsageIds.LowerBound(Time)) < 0);
        Assert.True(string.CompareOrdinal(IdAt(Time.AddDays(3)), UsageIds.UpperBound(Time)) > 0);
    }

    [Fact]
    public void FirstAndLastTimesThatCallersMayWrite_HaveBounds()
    {
        Assert.StartsWith("usage_0000000000", UsageIds.LowerBound(DateTimeOffset.UnixEpoch), StringComparison.Ordinal);
        Assert.StartsWith("usage_0000000000", UsageIds.LowerBound(DateTimeOffset.UnixEpoch.AddMonths(-1)), StringComparison.Ordinal);
        Assert.True(string.CompareOrdinal(IdAt(Time), UsageIds.UpperBound(new DateTimeOffset(9000, 12, 31, 23, 59, 59, TimeSpan.Zero))) < 0);
    }

    private static string IdAt(DateTimeOffset time) => Ids.New(Ids.Usage, new FakeTimeProvider(time));
}
