using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>How a receiver knows that an event is from us. Described, with receivers, in docs/webhooks.md.</summary>
internal static class WebhookSignature
{
    public const string Header = "X-ScaiGrid-Signature";
    public const string HeaderV2 = "X-ScaiGrid-Signature-V2";

    /// <summary>Of the body alone: it says who sent it, but not when.</summary>
    public static string Sign(string secret, ReadOnlySpan<byte> body) => $"sha256={Hex(secret, body)}";

    /// <summary>Of the time and the body: a receiver that checks the time cannot be sent an old event again by somebody else.</summary>
    public static string SignV2(string secret, long unixSeconds, ReadOnlySpan<byte> body)
    {
        var time = unixSeconds.ToString(CultureInfo.InvariantCulture);
        return $"t={time},v1={Hex(secret, [.. Encoding.ASCII.GetBytes(time), (byte)'.', .. body])}";
    }

    private static string Hex(string secret, ReadOnlySpan<byte> signed) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
}
