using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ScaiGrid.Platform.Data;

/// <summary>Stores times as whole microseconds since the Unix epoch in UTC: exact, and the same number on every database.</summary>
public sealed class Microseconds() : ValueConverter<DateTimeOffset, long>(time => From(time), value => ToTime(value))
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    /// <summary>The stored value of <paramref name="time"/>; a fraction of a microsecond is cut off.</summary>
    public static long From(DateTimeOffset time) => (long)Math.Floor((time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / (decimal)TicksPerMicrosecond);

    public static DateTimeOffset ToTime(long value) => DateTimeOffset.UnixEpoch.AddTicks(value * TicksPerMicrosecond);
}
