namespace ScaiGrid.Inference.Admission;

/// <summary>One period of a budget.</summary>
/// <param name="Start">The first moment.</param>
/// <param name="End">The first moment after the period; null for a budget over all time.</param>
public sealed record BudgetPeriod(DateTimeOffset Start, DateTimeOffset? End)
{
    /// <summary>Minutes since 1970, the unit of periods in Redis. In every time zone a day starts at a whole minute.</summary>
    public long StartMinute => MinuteOf(Start);

    public bool Contains(DateTimeOffset time) => time >= Start && (End is null || time < End);

    public static long MinuteOf(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMinute;
}
