using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Core.Security;

/// <summary>
/// Envelope encryption of stored credentials: AES-256-GCM with a new data key for each value, which is wrapped by the root key.
/// What previous root keys wrapped can be opened as well.
/// </summary>
/// <remarks>
/// Text form: <c>v1:</c> and base64 of root key id (4 bytes), wrapped data key (nonce 12, key 32, tag 16), value (nonce 12, ciphertext, tag 16).
/// The owner's id is authenticated with both, so that a value that is moved to another row cannot be opened.
/// </remarks>
public sealed class SecretBox(SecretOptions options)
{
    private const string Version = "v1:";
    private const int KeyIdBytes = 4;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int WrappedBytes = NonceBytes + SecretOptions.KeyBytes + TagBytes;

    /// <summary>The first one seals.</summary>
    private readonly RootKey[] _roots = [.. options.Keys.Select(key => new RootKey(SHA256.HashData(key)[..KeyIdBytes], key))];

    /// <summary>Encrypts <paramref name="secret"/> for the row <paramref name="owner"/>.</summary>
    public string Seal(string secret, string owner) => Version + Convert.ToBase64String(Seal(Encoding.UTF8.GetBytes(secret), owner));

    /// <summary>Encrypts bytes; the result is the text form without base64.</summary>
    public byte[] Seal(ReadOnlySpan<byte> plain, string owner)
    {
        var aad = Encoding.UTF8.GetBytes(owner);
        var sealedBytes = new byte[KeyIdBytes + WrappedBytes + NonceBytes + plain.Length + TagBytes];
        var dataKey = RandomNumberGenerator.GetBytes(SecretOptions.KeyBytes);
        _roots[0].Id.CopyTo(sealedBytes, 0);
        Encrypt(_roots[0].Key, dataKey, aad, sealedBytes.AsSpan(KeyIdBytes, WrappedBytes));
        Encrypt(dataKey, plain, aad, sealedBytes.AsSpan(KeyIdBytes + WrappedBytes));
        CryptographicOperations.ZeroMemory(dataKey);
        return sealedBytes;
    }

    /// <exception cref="CryptographicException">The value was sealed with another root key or for another owner, or was altered.</exception>
    public string Open(string sealedText, string owner) => Encoding.UTF8.GetString(Open(Decode(sealedText), owner));

    /// <inheritdoc cref="Open(string, string)"/>
    public byte[] Open(ReadOnlySpan<byte> bytes, string owner)
    {
        var aad = Encoding.UTF8.GetBytes(owner);
        var dataKey = Decrypt(RootOf(bytes).Key, bytes.Slice(KeyIdBytes, WrappedBytes), aad);
        return Decrypt(dataKey, bytes[(KeyIdBytes + WrappedBytes)..], aad);
    }

    /// <summary>Wraps a value's data key with the current root key. The value is opened as well, so that damage is found while its key is still there.</summary>
    /// <returns>The new text; null if the current root key wraps it already.</returns>
    /// <exception cref="CryptographicException">The value cannot be opened.</exception>
    public string? Rewrap(string sealedText, string owner)
    {
        var bytes = Decode(sealedText);
        CryptographicOperations.ZeroMemory(Open(bytes, owner));
        var root = RootOf(bytes);
        if (root == _roots[0])
        {
            return null;
        }

        var aad = Encoding.UTF8.GetBytes(owner);
        var wrapped = bytes.AsSpan(KeyIdBytes, WrappedBytes);
        var dataKey = Decrypt(root.Key, wrapped, aad);
        _roots[0].Id.CopyTo(bytes, 0);
        Encrypt(_roots[0].Key, dataKey, aad, wrapped);
        CryptographicOperations.ZeroMemory(dataKey);
        return Version + Convert.ToBase64String(bytes);
    }

    /// <summary>The part of a secret that may be shown: its last four characters, or none of a short one.</summary>
    public static string Mask(string secret) => secret.Length >= 12 ? $"•••• {secret[^4..]}" : "••••";

    private static byte[] Decode(string sealedText) => sealedText.StartsWith(Version, StringComparison.Ordinal)
        ? Convert.FromBase64String(sealedText[Version.Length..])
        : throw new CryptographicException("The stored secret has an unknown format.");

    private RootKey RootOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= KeyIdBytes + WrappedBytes + NonceBytes + TagBytes)
        {
            foreach (var root in _roots)
            {
                if (bytes[..KeyIdBytes].SequenceEqual(root.Id))
                {
                    return root;
                }
            }
        }

        throw new CryptographicException("The stored secret was sealed with another SCAIGRID_SECRET_KEY.");
    }

    private static void Encrypt(byte[] key, ReadOnlySpan<byte> plain, byte[] aad, Span<byte> destination)
    {
        using var aes = new AesGcm(key, TagBytes);
        var nonce = destination[..NonceBytes];
        RandomNumberGenerator.Fill(nonce);
        aes.Encrypt(nonce, plain, destination.Slice(NonceBytes, plain.Length), destination[^TagBytes..], aad);
    }

    private static byte[] Decrypt(byte[] key, ReadOnlySpan<byte> source, byte[] aad)
    {
        using var aes = new AesGcm(key, TagBytes);
        var plain = new byte[source.Length - NonceBytes - TagBytes];
        aes.Decrypt(source[..NonceBytes], source[NonceBytes..^TagBytes], source[^TagBytes..], plain, aad);
        return plain;
    }

    private sealed class RootKey(byte[] id, byte[] key)
    {
        public byte[] Id { get; } = id;

        public byte[] Key { get; } = key;
    }
}
