using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>Checks the checksums that an upload may announce: <c>Content-MD5</c> (base64) and <c>X-ScaiGrid-SHA256</c> (hex).</summary>
internal static class BodyChecksum
{
    private const string Sha256Header = "X-ScaiGrid-SHA256";

    /// <returns>The body; its last read throws if it does not have the announced checksum.</returns>
    public static Stream Verify(HttpRequest request, Stream body)
    {
        if (request.Headers.ContentMD5.ToString() is { Length: > 0 } md5)
        {
            var digest = new byte[MD5.HashSizeInBytes + 2];
            body = Convert.TryFromBase64String(md5, digest, out var written) && written == MD5.HashSizeInBytes
                ? new VerifiedBody(body, new BlobChecksum(HashAlgorithmName.MD5, digest[..written]))
                : throw new ApiException(Problem.Invalid("Content-MD5", "must be base64 of 16 bytes."));
        }

        if (request.Headers[Sha256Header].ToString() is { Length: > 0 } sha256)
        {
            body = sha256.Length == SHA256.HashSizeInBytes * 2 && sha256.All(char.IsAsciiHexDigit)
                ? new VerifiedBody(body, new BlobChecksum(HashAlgorithmName.SHA256, Convert.FromHexString(sha256)))
                : throw new ApiException(Problem.Invalid(Sha256Header, "must be 64 hexadecimal digits."));
        }

        return body;
    }
}
