namespace ScaiGrid.Platform.Accounting;

/// <summary>A range of time as whole hours and the parts of hours at its edges.</summary>
/// <param name="HasHours">Whether any whole hour is in it.</param>
/// <param name="FirstHour">First whole hour; null for no beginning.</param>
/// <param name="LastHour">The hour after the last whole one; null for no end.</param>
/// <param name="Edges">What is left, at most two parts.</param>
internal sealed record HourRange(
    bool HasHours, DateTimeOffset? FirstHour, DateTimeOffset? LastHour, IReadOnlyList<(DateTimeOffset Start, DateTimeOffset End)> Edges)
{
    public static HourRange Of(DateTimeOffset? start, DateTimeOffset? end)
    {
        var first = start is { } from ? Floor(from) == from ? from : Floor(from).AddHours(1) : (DateTimeOffset?)null;
        var last = end is { } to ? Floor(to) : (DateTimeOffset?)null;
        if (first >= last)
        {
            return new HourRange(HasHours: false, null, null, [(start!.Value, end!.Value)]);
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

        return new HourRange(HasHours: true, first, last, edges);
    }

    public static DateTimeOffset Floor(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);
}
