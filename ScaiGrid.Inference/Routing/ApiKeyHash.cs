using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Inference.Routing;

/// <summary>SHA-256 of an API key. Keys are long and random, so a fast hash is enough, and a lookup by hash has no timing leak.</summary>
public readonly record struct ApiKeyHash(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>Longest key that is hashed; longer ones cannot be ours.</summary>
    public const int MaxKeyLength = 256;

    public static ApiKeyHash Of(ReadOnlySpan<char> key)
    {
        Span<byte> utf8 = stackalloc byte[MaxKeyLength * 3];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var length = Encoding.UTF8.GetBytes(key, utf8);
        SHA256.HashData(utf8[..length], hash);
        return FromBytes(hash);
    }

    /// <summary>Parses the 64 hexadecimal characters that the database stores.</summary>
    public static ApiKeyHash FromHex(string hex) => FromBytes(Convert.FromHexString(hex));

    public override int GetHashCode() => (int)A;

    /// <summary>The hash as 64 lower-case hexadecimal characters.</summary>
    public override string ToString()
    {
        Span<ulong> words = [A, B, C, D];
        return Convert.ToHexStringLower(MemoryMarshal.AsBytes(words));
    }

    private static ApiKeyHash FromBytes(ReadOnlySpan<byte> hash)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(hash);
        return new ApiKeyHash(words[0], words[1], words[2], words[3]);
    }
}
