namespace ScaiGrid.Platform.Data;

internal static class StoredTime
{
    /// <summary>Now, with the precision that is stored: the answer to a write shows the time that a later read shows.</summary>
    public static DateTimeOffset GetStoredNow(this TimeProvider time) => Microseconds.ToTime(Microseconds.From(time.GetUtcNow()));
}
