namespace ScaiGrid.Core.Security;

/// <summary>Reads 32-byte keys from settings.</summary>
public static class Base64Key
{
    /// <returns>The key's 32 bytes; null if the text is not base64 of exactly 32 bytes.</returns>
    public static byte[]? Decode(string? text)
    {
        var bytes = new byte[SecretOptions.KeyBytes + 2];
        return Convert.TryFromBase64String(text ?? "", bytes, out var written) && written == SecretOptions.KeyBytes ? bytes[..written] : null;
    }
}
