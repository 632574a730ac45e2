namespace ScaiGrid.Platform.Accounting;

/// <summary>Splits a time range into whole units (hours or days in UTC) and partial units at its edges.</summary>
/// <param name="HasUnits">Whether the range contains a whole unit.</param>
/// <param name="First">The first whole unit; null for no start.</param>
/// <param name="Last">The unit after the last whole one; null for no end.</param>
/// <param name="Edges">The remaining parts, at most two.</param>
internal sealed record WholeUnits(
    bool HasUnits, DateTimeOffset? First, DateTimeOffset? Last, IReadOnlyList<(DateTimeOffset Start, DateTimeOffset End)> Edges)
{
    public static WholeUnits Hours(DateTimeOffset? start, DateTimeOffset? end) => Of(start, end, TimeSpan.FromHours(1));

    public static WholeUnits Days(DateTimeOffset? start, DateTimeOffset? end) => Of(start, end, TimeSpan.FromDays(1));

    public static DateTimeOffset HourOf(DateTimeOffset time) => Floor(time, TimeSpan.FromHours(1));

    public static DateTimeOffset DayOf(DateTimeOffset time) => Floor(time, TimeSpan.FromDays(1));

    public static DateTimeOffset MinuteOf(DateTimeOffset time) => Floor(time, TimeSpan.FromMinutes(1));

    private static WholeUnits Of(DateTimeOffset? start, DateTimeOffset? end, TimeSpan unit)
    {
        var first = start is { } from ? Floor(from, unit) == from ? from : Floor(from, unit) + unit : (DateTimeOffset?)null;
        var last = end is { } to ? Floor(to, unit) : (DateTimeOffset?)null;
        if (first >= last)
        {
            return new WholeUnits(HasUnits: false, null, null, [(start!.Value, end!.Value)]);
        }

        var edges = new List<(DateTimeOffset, DateTimeOffset)>();
        if (first > start)
        {
            edges.Add((start!.Value, first.Value));
        }

        if (last < end)
        {
            edges.Add((last.Value, end!.Value));
        }

        return new WholeUnits(HasUnits: true, first, last, edges);
    }

    private static DateTimeOffset Floor(DateTimeOffset time, TimeSpan unit) => new(time.UtcTicks - (time.UtcTicks % unit.Ticks), TimeSpan.Zero);
}
