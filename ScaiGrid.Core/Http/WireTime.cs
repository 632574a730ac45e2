using System.Globalization;

namespace ScaiGrid.Core.Http;

/// <summary>Parses times in requests (RFC 3339 with an offset, a date meaning midnight UTC, or Unix seconds) and formats times in responses.</summary>
public static class WireTime
{
    public const string Expected = "must be a time such as 2026-01-31T08:00:00Z, a date, or unix seconds.";

    private const int UnixDigits = 11;

    // Later times could leave the calendar when a day or a month is added.
    private const int LastYear = 9000;

    private static readonly string[] WithOffset = ["yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mmzzz"];
    private static readonly string[] Utc = ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm'Z'", "yyyy-MM-dd"];

    /// <summary>RFC 3339 in UTC with microseconds, the database's precision.</summary>
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Parses a time between the years 1970 and 9000.</summary>
    public static bool TryParse(string text, out DateTimeOffset time) =>
        TryRead(text, out time) && time >= DateTimeOffset.UnixEpoch && time.UtcDateTime.Year <= LastYear;

    private static bool TryRead(string text, out DateTimeOffset time)
    {
        if (text.Length <= UnixDigits && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            time = DateTimeOffset.FromUnixTimeSeconds(seconds);
            return true;
        }

        var upper = text.ToUpperInvariant();
        return DateTimeOffset.TryParseExact(upper, Utc, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time)
            || DateTimeOffset.TryParseExact(upper, WithOffset, CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }
}
