using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace ScaiGrid.Platform.Data;

/// <summary>Times are stored as whole microseconds since the Unix epoch, UTC: the same number on every database, and exact.</summary>
public sealed class Microseconds() : ValueConverter<DateTimeOffset, long>(time => From(time), value => ToTime(value))
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    /// <summary>What is stored for <paramref name="time"/>; a fraction of a microsecond is cut off.</summary>
    public static long From(DateTimeOffset time) => (long)Math.Floor((time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / (decimal)TicksPerMicrosecond);

    public static DateTimeOffset ToTime(long value) => DateTimeOffset.UnixEpoch.AddTicks(value * TicksPerMicrosecond);
}
