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

    /// <summary>The first one signs, all verify.</summary>
    private readonly IReadOnlyList<byte[]> _keys = secrets.DeriveKeys("scaigrid media links");

    /// <param name="name">The object's name, from <see cref="MediaStore"/>.</param>
    /// <param name="origin">The scheme and host that the caller used; <c>SCAIGRID_PUBLIC_URL</c> takes precedence.</param>
    public string Create(string name, string? origin)
    {
        var expires = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds();
        var query = string.Create(CultureInfo.InvariantCulture, $"?expires={expires}&signature={Sign(_keys[0], name, expires)}");
        return options.Address($"{Path}{name}{query}", origin ?? "");
    }

    /// <returns>The remaining lifetime of the link; null if it has expired or is not ours.</returns>
    public TimeSpan? Check(string name, long expires, string signature)
    {
        var given = Encoding.UTF8.GetBytes(signature);
        var isOurs = _keys.Any(key => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Sign(key, name, expires)), given));
        var left = expires - time.GetUtcNow().ToUnixTimeSeconds();
        return isOurs && left > 0 ? TimeSpan.FromSeconds(left) : null;
    }

    private static string Sign(byte[] key, string name, long expires) => Base64Url.EncodeToString(
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}\n{expires}"))));
}
