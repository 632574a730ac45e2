using System.Text;

namespace ScaiGrid.Core.Storage;

/// <summary>Validates blob keys. The rule is the same for all stores, so that what works on disk works on S3.</summary>
public static class BlobKey
{
    /// <summary>S3's own limit, in bytes of UTF-8.</summary>
    public const int MaxBytes = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// A valid key has segments separated by single slashes, none of them empty, <c>.</c> or <c>..</c>. HTTP clients resolve such segments on the
    /// way to S3, so that another key than the authorised one would be used.
    /// </summary>
    public static bool IsValid(string key) =>
        key.Length is > 0 and <= MaxBytes
        && !key.Any(char.IsControl)
        && ByteCount(key) is > 0 and <= MaxBytes
        && !key.Split('/').Any(segment => segment is "" or "." or "..");

    private static int ByteCount(string key)
    {
        try
        {
            return StrictUtf8.GetByteCount(key);
        }
        catch (EncoderFallbackException)
        {
            // An unpaired surrogate cannot be encoded in UTF-8.
            return -1;
        }
    }
}
