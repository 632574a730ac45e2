using System.Text;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>Computes calendar periods in a time zone: days, weeks from Monday, months, or all time.</summary>
public sealed record BudgetCalendar(string Period, TimeZoneInfo Zone)
{
    public const string Daily = "daily";
    public const string Weekly = "weekly";
    public const string Monthly = "monthly";
    public const string Total = "total";

    /// <summary>Names the calendar in Redis, so that periods of two calendars are not taken for each other's successors. Encoded once.</summary>
    public RedisValue Name { get; } = Encoding.UTF8.GetBytes($"{Period}/{Zone.Id}");

    public BudgetPeriod PeriodAt(DateTimeOffset time)
    {
        var day = TimeZoneInfo.ConvertTime(time, Zone).Date;
        return Period switch
        {
            Daily => Between(day, day.AddDays(1)),
            Weekly => Week(day.AddDays(-(((int)day.DayOfWeek + 6) % 7))),
            Monthly => Month(new DateTime(day.Year, day.Month, 1)),
            _ => new BudgetPeriod(DateTimeOffset.UnixEpoch, null),
        };
    }

    private BudgetPeriod Week(DateTime monday) => Between(monday, monday.AddDays(7));

    private BudgetPeriod Month(DateTime first) => Between(first, first.AddMonths(1));

    private BudgetPeriod Between(DateTime start, DateTime end) => new(Begin(start), Begin(end));

    // If a clock change skips midnight, the day starts at its first existing moment; if midnight occurs twice, it starts at the first one.
    private DateTimeOffset Begin(DateTime day)
    {
        while (Zone.IsInvalidTime(day))
        {
            day = day.AddMinutes(1);
        }

        var offset = Zone.IsAmbiguousTime(day) ? Zone.GetAmbiguousTimeOffsets(day).Max() : Zone.GetUtcOffset(day);
        return new DateTimeOffset(day, offset).ToUniversalTime();
    }
}
