using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// The format of a blob's file: the object's bytes, then a footer of 40 bytes (SHA-256 of the object, a magic number). The digest is the
/// ETag. It is in the same file so that one rename replaces content and ETag together.
/// </summary>
internal static class DiskBlobFile
{
    private const int FooterBytes = SHA256.HashSizeInBytes + 8;

    private static ReadOnlySpan<byte> Magic => "SGBLOB01"u8;

    public static byte[] Footer(ReadOnlySpan<byte> sha256) => [.. sha256, .. Magic];

    public static string ETag(ReadOnlySpan<byte> sha256) => Convert.ToHexStringLower(sha256);

    /// <returns>Null if there is no such file.</returns>
    public static SafeFileHandle? Open(string path)
    {
        try
        {
            // FileShare.Delete: a blob that is replaced or deleted in the meantime can be read to its end.
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <exception cref="InvalidDataException">The file is damaged, or is not a blob's file.</exception>
    public static BlobInfo ReadInfo(string key, SafeFileHandle file)
    {
        var footer = new byte[FooterBytes];
        var length = RandomAccess.GetLength(file) - FooterBytes;
        if (length < 0 || RandomAccess.Read(file, footer, length) != FooterBytes || !footer.AsSpan(SHA256.HashSizeInBytes).SequenceEqual(Magic))
        {
            throw new InvalidDataException("A file in the blob folder is not a blob or is damaged.");
        }

        return new BlobInfo(key, length, ETag(footer.AsSpan(0, SHA256.HashSizeInBytes)), File.GetLastWriteTimeUtc(file));
    }
}
