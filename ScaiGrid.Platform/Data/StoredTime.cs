namespace ScaiGrid.Platform.Data;

internal static class StoredTime
{
    /// <summary>The current time with the stored precision: the response to a write shows the same time as a later read.</summary>
    public static DateTimeOffset GetStoredNow(this TimeProvider time) => Microseconds.ToTime(Microseconds.From(time.GetUtcNow()));
}
