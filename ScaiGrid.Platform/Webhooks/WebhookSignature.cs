using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Signs events, so that receivers can verify their origin. Described in docs/webhooks.md.</summary>
internal static class WebhookSignature
{
    public const string Header = "X-ScaiGrid-Signature";
    public const string HeaderV2 = "X-ScaiGrid-Signature-V2";

    /// <summary>Signs the body alone: this proves the sender, but not the time.</summary>
    public static string Sign(string secret, ReadOnlySpan<byte> body) => $"sha256={Hex(secret, body)}";

    /// <summary>Signs time and body: a receiver that checks the time cannot be sent an old event again.</summary>
    public static string SignV2(string secret, long unixSeconds, ReadOnlySpan<byte> body)
    {
        var time = unixSeconds.ToString(CultureInfo.InvariantCulture);
        return $"t={time},v1={Hex(secret, [.. Encoding.ASCII.GetBytes(time), (byte)'.', .. body])}";
    }

    private static string Hex(string secret, ReadOnlySpan<byte> signed) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
}
