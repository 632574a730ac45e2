using ScaiGrid.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

public sealed class MicrosecondsTests
{
    [Theory]
    [InlineData("1970-01-01T00:00:00Z", 0)]
    [InlineData("1970-01-01T00:00:00.0000019Z", 1)]
    [InlineData("1969-12-31T23:59:59.9999999Z", -1)]
    [InlineData("2026-01-02T03:04:05.123456+02:00", 1767315845123456)]
    [InlineData("9999-12-31T23:59:59.999999Z", 253402300799999999)]
    [InlineData("0001-01-01T00:00:00Z", -62135596800000000)]
    public void Time_IsWholeMicroseconds_AndComesBack(string text, long stored)
    {
        var time = DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(stored, Microseconds.From(time));
        Assert.Equal(stored, Microseconds.From(Microseconds.ToTime(stored)));
    }
}
