using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>Errors of the blob store, in addition to <see cref="CoreErrors.Unavailable"/>.</summary>
public static class StorageErrors
{
    public static readonly Error ChecksumMismatch = new("CHECKSUM_MISMATCH", 422, "The body does not have the checksum that was announced; nothing was stored.");
}
