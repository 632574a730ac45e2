using System.Text.Json.Nodes;
using ScaiGrid.Platform.Audit;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

public sealed class AuditMaskTests
{
    [Theory]
    [InlineData("hash")]
    [InlineData("credentials")]
    [InlineData("client_secret")]
    [InlineData("api_key")]
    [InlineData("apiKey")]
    [InlineData("refresh_token")]
    [InlineData("password")]
    [InlineData("Authorization")]
    [InlineData("signing_key")]
    [InlineData("code_verifier")]
    public void FieldNamedAfterASecret_IsMasked(string name)
    {
        Assert.Equal("\"••••\"", Masked(name, "\"canary\""));
        Assert.Equal($"{{\"{name}\":\"••••\"}}", Masked("config", $"{{\"{name}\":\"canary\"}}"));
        Assert.DoesNotContain("canary", Masked(name, """{"inner":["canary"],"other":"canary"}"""), StringComparison.Ordinal);
        Assert.DoesNotContain("canary", Masked(name, """["canary"]"""), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("api_key_id")]
    [InlineData("max_output_tokens")]
    [InlineData("token_url")]
    [InlineData("name")]
    [InlineData("secret_rotated_at")]
    public void OtherFields_AreShown(string name) => Assert.Equal("\"shown\"", Masked(name, "\"shown\""));

    [Theory]
    [InlineData("https://user:canary@example.com/x", "https://••••@example.com/x")]
    [InlineData("https://example.com/x?api_key=canary&y=1", "https://example.com/x?api_key=••••&y=1")]
    [InlineData("Bearer canary", "Bearer ••••")]
    [InlineData("key sgk_canary0123456789canary", "key ••••")]
    [InlineData("https://example.com/path", "https://example.com/path")]
    public void CredentialInText_IsMasked(string text, string expected) => Assert.Equal(expected, (string?)AuditMask.Mask("description", JsonValue.Create(text)));

    [Fact]
    public void Headers_ShowTheirNames() =>
        Assert.Equal("""{"headers":{"X-Custom":"••••"}}""", Masked("config", """{"headers":{"X-Custom":"canary"}}"""));

    [Fact]
    public void NumbersAndNull_StayWhatTheyAre() => Assert.Equal("""{"weight":3,"flag":true,"nothing":null}""", Masked("config", """{"weight":3,"flag":true,"nothing":null}"""));

    private static string Masked(string name, string json) => AuditMask.Mask(name, JsonNode.Parse(json))!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
