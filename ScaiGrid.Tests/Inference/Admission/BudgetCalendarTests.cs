using System.Globalization;
using ScaiGrid.Inference.Admission;
using Xunit;

namespace ScaiGrid.Tests.Inference.Admission;

public sealed class BudgetCalendarTests
{
    [Theory]
    [InlineData("daily", "UTC", "2026-01-31T23:59:59Z", "2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z")]
    [InlineData("daily", "Asia/Kolkata", "2026-01-31T18:29:59Z", "2026-01-30T18:30:00Z", "2026-01-31T18:30:00Z")]
    [InlineData("daily", "Asia/Kolkata", "2026-01-31T18:30:00Z", "2026-01-31T18:30:00Z", "2026-02-01T18:30:00Z")]
    [InlineData("daily", "Europe/Amsterdam", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")]
    [InlineData("daily", "Europe/Amsterdam", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")]
    [InlineData("daily", "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")]
    [InlineData("weekly", "UTC", "2026-02-01T12:00:00Z", "2026-01-26T00:00:00Z", "2026-02-02T00:00:00Z")]
    [InlineData("weekly", "UTC", "2026-02-02T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-09T00:00:00Z")]
    [InlineData("monthly", "America/New_York", "2026-03-01T04:59:59Z", "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z")]
    [InlineData("monthly", "America/New_York", "2026-03-31T12:00:00Z", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z")]
    [InlineData("total", "UTC", "2026-03-31T12:00:00Z", "1970-01-01T00:00:00Z", null)]
    public void Period_IsTheCalendarsInTheZone(string period, string zone, string time, string start, string? end)
    {
        var found = new BudgetCalendar(period, TimeZoneInfo.FindSystemTimeZoneById(zone)).PeriodAt(At(time));
        Assert.Equal(At(start), found.Start);
        Assert.Equal(end is null ? null : At(end), found.End);
        Assert.True(found.Contains(At(time)));
    }

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture);
}
