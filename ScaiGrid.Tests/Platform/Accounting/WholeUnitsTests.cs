using System.Globalization;
using ScaiGrid.Platform.Accounting;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

public sealed class WholeUnitsTests
{
    [Theory]
    [InlineData("10:00", "12:00", "10:00-12:00", "")]
    [InlineData("10:20", "12:00", "11:00-12:00", "10:20-11:00")]
    [InlineData("10:00", "12:40", "10:00-12:00", "12:00-12:40")]
    [InlineData("10:20", "12:40", "11:00-12:00", "10:20-11:00 12:00-12:40")]
    [InlineData("10:20", "10:40", "none", "10:20-10:40")]
    [InlineData("10:20", "11:00", "none", "10:20-11:00")]
    [InlineData("10:20", "11:40", "none", "10:20-11:40")]
    [InlineData("10:00", null, "10:00-", "")]
    [InlineData("10:20", null, "11:00-", "10:20-11:00")]
    [InlineData(null, "12:00", "-12:00", "")]
    [InlineData(null, "12:40", "-12:00", "12:00-12:40")]
    [InlineData(null, null, "-", "")]
    public void Range_IsWholeHoursAndEdges(string? start, string? end, string hours, string edges)
    {
        var range = WholeUnits.Hours(At(start), At(end));
        Assert.Equal(hours, range.HasUnits ? $"{Text(range.First)}-{Text(range.Last)}" : "none");
        Assert.Equal(edges, string.Join(' ', range.Edges.Select(edge => $"{Text(edge.Start)}-{Text(edge.End)}")));
    }

    [Fact]
    public void EveryMoment_IsInOnePartOfTheRange()
    {
        var (start, end) = (At("09:59")!.Value, At("13:01")!.Value);
        var range = WholeUnits.Hours(start, end);
        for (var time = start.AddMinutes(-61); time < end.AddMinutes(61); time = time.AddMinutes(1))
        {
            var parts = range.Edges.Append((Start: range.First!.Value, End: range.Last!.Value)).Count(part => time >= part.Start && time < part.End);
            Assert.Equal(time >= start && time < end ? 1 : 0, parts);
        }
    }

    [Fact]
    public void Floor_IsTheHourInUtc() => Assert.Equal(
        new DateTimeOffset(2026, 1, 31, 4, 0, 0, TimeSpan.Zero),
        WholeUnits.HourOf(new DateTimeOffset(2026, 1, 31, 10, 15, 7, TimeSpan.FromMinutes(330))));

    private static DateTimeOffset? At(string? time) =>
        time is null ? null : DateTimeOffset.Parse($"2026-01-31T{time}:00Z", CultureInfo.InvariantCulture);

    private static string Text(DateTimeOffset? time) => time?.ToString("HH:mm", CultureInfo.InvariantCulture) ?? "";
}
