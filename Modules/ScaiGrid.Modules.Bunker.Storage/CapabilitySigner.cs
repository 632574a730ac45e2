using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>Mints and verifies capabilities: <c>v1.{payload}.{mac}</c>, both base64url. The MAC is HMAC-SHA256 over everything before the last dot.</summary>
public sealed partial class CapabilitySigner(CapabilityOptions options, TimeProvider time)
{
    private const string Version = "v1.";
    private const int MacBytes = HMACSHA256.HashSizeInBytes;
    private const int MacChars = 43;

    // Enough for a key of 1,024 bytes, escaped in JSON and base64.
    private const int MaxTokenLength = 16 * 1024;

    private readonly byte[][] _keys = [.. options.Keys.Select(key => Base64Key.Decode(key) ?? throw new InvalidOperationException("Settings were not checked."))];

    /// <summary>False if no key is set: nothing can be minted, and every token counts as forged.</summary>
    public bool IsConfigured => _keys.Length > 0;

    public string Mint(StorageCapability capability)
    {
        if (!IsConfigured)
        {
            throw new InvalidOperationException($"{CapabilityOptions.Variable} is not set.");
        }

        var payload = JsonSerializer.SerializeToUtf8Bytes(
            new Payload((int)capability.Methods, capability.Target, capability.IsPrefix, capability.MaxBytes, capability.ExpiresAt.ToUnixTimeSeconds()),
            PayloadJson.Default.Payload);
        var text = Version + Base64Url.EncodeToString(payload);
        return $"{text}.{Base64Url.EncodeToString(HMACSHA256.HashData(_keys[0], Encoding.ASCII.GetBytes(text)))}";
    }

    public CapabilityVerdict Verify(string token, out StorageCapability? capability)
    {
        capability = null;
        var dot = token.Length - MacChars - 1;
        if (token.Length > MaxTokenLength || dot <= Version.Length || !token.StartsWith(Version, StringComparison.Ordinal) || token[dot] != '.')
        {
            return CapabilityVerdict.Forged;
        }

        Span<byte> mac = stackalloc byte[MacBytes];

        // Not TryDecodeFromChars, which throws on invalid base64url.
        var decoded = Base64Url.DecodeFromChars(token.AsSpan(dot + 1), mac, out _, out var written);
        if (decoded != OperationStatus.Done || written != MacBytes || !IsSigned(token[..dot], mac))
        {
            return CapabilityVerdict.Forged;
        }

        // Parsed only after the MAC was verified.
        capability = Read(token.AsSpan(Version.Length, dot - Version.Length));
        return time.GetUtcNow() < capability.ExpiresAt ? CapabilityVerdict.Valid : CapabilityVerdict.Expired;
    }

    private bool IsSigned(string text, ReadOnlySpan<byte> mac)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        Span<byte> expected = stackalloc byte[MacBytes];
        var signed = false;
        foreach (var key in _keys)
        {
            HMACSHA256.HashData(key, bytes, expected);
            signed |= CryptographicOperations.FixedTimeEquals(expected, mac);
        }

        return signed;
    }

    private static StorageCapability Read(ReadOnlySpan<char> payload)
    {
        var read = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(payload), PayloadJson.Default.Payload)!;
        var (methods, expiresAt) = ((StorageMethods)read.Methods, DateTimeOffset.FromUnixTimeSeconds(read.ExpiresAt));
        return read.IsPrefix
            ? StorageCapability.ForPrefix(read.Target, methods, expiresAt, read.MaxBytes)
            : StorageCapability.ForKey(read.Target, methods, expiresAt, read.MaxBytes);
    }

    private sealed record Payload(
        [property: JsonPropertyName("m")] int Methods,
        [property: JsonPropertyName("t")] string Target,
        [property: JsonPropertyName("p"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool IsPrefix,
        [property: JsonPropertyName("b"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? MaxBytes,
        [property: JsonPropertyName("e")] long ExpiresAt);

    [JsonSerializable(typeof(Payload))]
    private sealed partial class PayloadJson : JsonSerializerContext;
}
