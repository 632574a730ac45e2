namespace ScaiGrid.Platform.Data;

/// <summary>
/// Bounds on ids for a range of time. An id begins with the millisecond at which it was made, so a bound lets a query use the index of a list in the
/// order of ids. Whoever uses one leaves room for the time between an id and its row's own time.
/// </summary>
internal static class IdTimes
{
    /// <summary>No id with this prefix that was made at this time, or later, is lower.</summary>
    public static string Lowest(string prefix, DateTimeOffset time)
    {
        Span<byte> zeros = stackalloc byte[10];
        zeros.Clear();
        return $"{prefix}_{Ulid.NewUlid(time > DateTimeOffset.UnixEpoch ? time : DateTimeOffset.UnixEpoch, zeros)}";
    }
}
