using System.Security.Cryptography;
using ScaiGrid.Core.Security;
using Xunit;

namespace ScaiGrid.Tests.Core.Security;

public sealed class SecretBoxTests
{
    private const string Owner = "be_01ARZ3NDEKTSV4RRFFQ69G5FAV";

    private readonly SecretBox _box = Box(1);

    [Theory]
    [InlineData("")]
    [InlineData("sk-upstream-secret-1234")]
    [InlineData("""{"api_key":"ключ 😀"}""")]
    public void Secret_ComesBack(string secret)
    {
        var text = _box.Seal(secret, Owner);

        Assert.StartsWith("v1:", text, StringComparison.Ordinal);
        Assert.Equal(secret, _box.Open(text, Owner));
        Assert.Equal(secret, Box(1).Open(text, Owner));
    }

    [Fact]
    public void OneSecretTwice_LooksDifferent() => Assert.NotEqual(_box.Seal("secret", Owner), _box.Seal("secret", Owner));

    [Fact]
    public void AnotherOwner_CannotOpenIt()
    {
        var text = _box.Seal("secret", Owner);

        Assert.ThrowsAny<CryptographicException>(() => _box.Open(text, "be_01ARZ3NDEKTSV4RRFFQ69G5FAW"));
        Assert.ThrowsAny<CryptographicException>(() => _box.Open(text, ""));
    }

    [Fact]
    public void AnotherRootKey_CannotOpenIt_AndSaysWhy()
    {
        var exception = Assert.ThrowsAny<CryptographicException>(() => Box(2).Open(_box.Seal("secret", Owner), Owner));

        Assert.Contains("SCAIGRID_SECRET_KEY", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryByte_IsAuthenticated()
    {
        var bytes = Convert.FromBase64String(_box.Seal("secret", Owner)[3..]);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            Assert.ThrowsAny<CryptographicException>(() => _box.Open("v1:" + Convert.ToBase64String(bytes), Owner));
            bytes[i] ^= 1;
        }

        Assert.Equal("secret", _box.Open("v1:" + Convert.ToBase64String(bytes), Owner));
    }

    [Fact]
    public void CutShort_ItDoesNotOpen()
    {
        var bytes = Convert.FromBase64String(_box.Seal("secret", Owner)[3..]);

        Assert.All(Enumerable.Range(0, bytes.Length), length =>
            Assert.ThrowsAny<CryptographicException>(() => _box.Open("v1:" + Convert.ToBase64String(bytes[..length]), Owner)));
    }

    [Theory]
    [InlineData("secret")]
    [InlineData("v2:AAAA")]
    public void OtherFormats_AreRefused(string text) => Assert.ThrowsAny<CryptographicException>(() => _box.Open(text, Owner));

    [Theory]
    [InlineData("sk-upstream-1234", "•••• 1234")]
    [InlineData("123456789012", "•••• 9012")]
    [InlineData("12345678901", "••••")]
    [InlineData("", "••••")]
    public void Mask_ShowsLittle(string secret, string expected) => Assert.Equal(expected, SecretBox.Mask(secret));

    [Theory]
    [InlineData("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", true)]
    [InlineData("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA==", false)] // 31 bytes
    [InlineData("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEy", false)] // 33 bytes
    [InlineData("not base64 at all", false)]
    [InlineData(null, false)]
    public void Key_Is32BytesOfBase64(string? text, bool valid) => Assert.Equal(valid, Base64Key.Decode(text) is { Length: 32 });

    private static SecretBox Box(byte fill)
    {
        var key = new byte[SecretOptions.KeyBytes];
        Array.Fill(key, fill);
        return new SecretBox(new SecretOptions { SecretKey = Convert.ToBase64String(key) });
    }
}
