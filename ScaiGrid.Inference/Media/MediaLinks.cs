using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Inference.Media;

/// <summary>
/// Creates and verifies links. Anyone who has a link can read the object until it expires; nobody can forge one. The key is derived from
/// <c>SCAIGRID_SECRET_KEY</c>, so that every replica has it.
/// </summary>
public sealed class MediaLinks(SecretOptions secrets, PublicOptions options, TimeProvider time)
{
    public const string Path = "/v1/media/";

    /// <summary>The lifetime of a link, and of its object.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly byte[] _key = HKDF.DeriveKey(HashAlgorithmName.SHA256, secrets.Key, SecretOptions.KeyBytes, info: "scaigrid media links"u8.ToArray());

    /// <param name="name">The object's name, from <see cref="MediaStore"/>.</param>
    /// <param name="origin">The scheme and host that the caller used; <c>SCAIGRID_PUBLIC_URL</c> takes precedence.</param>
    public string Create(string name, string? origin)
    {
        var expires = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds();
        var query = string.Create(CultureInfo.InvariantCulture, $"?expires={expires}&signature={Sign(name, expires)}");
        return options.Address($"{Path}{name}{query}", origin ?? "");
    }

    /// <returns>The remaining lifetime of the link; null if it has expired or is not ours.</returns>
    public TimeSpan? Check(string name, long expires, string signature)
    {
        var isOurs = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Sign(name, expires)), Encoding.UTF8.GetBytes(signature));
        var left = expires - time.GetUtcNow().ToUnixTimeSeconds();
        return isOurs && left > 0 ? TimeSpan.FromSeconds(left) : null;
    }

    private string Sign(string name, long expires) => Base64Url.EncodeToString(
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}\n{expires}"))));
}
