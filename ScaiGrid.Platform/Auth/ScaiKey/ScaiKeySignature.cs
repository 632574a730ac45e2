using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Verifies a webhook's signature: <c>t=unix,v1=hex</c>, HMAC-SHA256 of the time, a dot and the raw body.</summary>
internal static class ScaiKeySignature
{
    public const string Header = "X-ScaiKey-Signature";

    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Whether the body was signed with the secret within the last five minutes. During a rotation of the secret there may be several signatures.
    /// </summary>
    public static bool IsGood(string? header, ReadOnlySpan<byte> body, string secret, DateTimeOffset now)
    {
        string? time = null;
        var signatures = new List<string>();
        foreach (var part in (header ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            switch (part.Split('=', 2))
            {
                case ["t", var value]:
                    time = value;
                    break;
                case ["v1", var value]:
                    signatures.Add(value);
                    break;
            }
        }

        if (!long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs(now.ToUnixTimeSeconds() - seconds) > MaxAge.TotalSeconds)
        {
            return false;
        }

        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.ASCII.GetBytes($"{time}."));
        hmac.AppendData(body);
        var expected = hmac.GetHashAndReset();
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var isGood = false;
        foreach (var signature in signatures)
        {
            isGood |= signature.Length == given.Length * 2
                && Convert.FromHexString(signature, given, out _, out _) == OperationStatus.Done
                && CryptographicOperations.FixedTimeEquals(expected, given);
        }

        return isGood;
    }
}
