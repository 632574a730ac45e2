namespace ScaiGrid.Inference.Admission;

/// <summary>A period of a budget.</summary>
/// <param name="Start">First moment.</param>
/// <param name="End">First moment after; null for a budget over all time.</param>
public sealed record BudgetPeriod(DateTimeOffset Start, DateTimeOffset? End)
{
    /// <summary>Minutes since 1970: the unit in which Redis keeps a budget's use. Every time zone's days begin at a whole minute.</summary>
    public long StartMinute => MinuteOf(Start);

    public bool Contains(DateTimeOffset time) => time >= Start && (End is null || time < End);

    public static long MinuteOf(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMinute;
}

/// <summary>Calendar periods in a time zone: days, weeks from Monday, months, or all time.</summary>
public sealed record BudgetCalendar(string Period, TimeZoneInfo Zone)
{
    public const string Daily = "daily";
    public const string Weekly = "weekly";
    public const string Monthly = "monthly";
    public const string Total = "total";

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

    // A day whose midnight a clock change skips begins with its first moment that exists; one that has two begins with the first.
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
