using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Bounds of the primary key for a time range, which keep a query off other rows. An id begins with a time close to the row's own: that of the
/// call, or for a batch line that of the batch, which takes a day at most. Two days on either side are more than any call or clock needs.
/// </summary>
internal static class UsageIds
{
    private static readonly TimeSpan Slack = TimeSpan.FromDays(2);

    /// <summary>No row at or after <paramref name="start"/> has a lower id.</summary>
    public static string LowerBound(DateTimeOffset start) => IdTimes.Lowest(Ids.Usage, start - DateTimeOffset.UnixEpoch > Slack ? start - Slack : DateTimeOffset.UnixEpoch);

    /// <summary>No row before <paramref name="end"/> has a higher id.</summary>
    public static string UpperBound(DateTimeOffset end) => IdTimes.Lowest(Ids.Usage, end + Slack);
}
